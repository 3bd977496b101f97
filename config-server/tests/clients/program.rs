//! A process that ends with the test.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use testkit::{Answer, Client, Server, eventually};

/// Java starts slowly on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) struct Program {
    child: Child,
    log: PathBuf,
    pub(crate) url: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    /// Starts a server that will listen at this port, and that writes into the folder what it prints.
    pub(crate) fn start(command: &mut Command, port: u16, folder: &Path) -> Self {
        let log = folder.join(format!("{port}.log"));
        let file = fs::File::create(&log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, log, url: format!("http://127.0.0.1:{port}") }
    }

    pub(crate) fn client(&self) -> Client<Server> {
        Client::at(&self.url)
    }

    /// Waits until this path is answered as wanted.
    pub(crate) async fn ready(mut self, path: &str, wanted: impl Fn(&Answer) -> bool) -> Self {
        eventually(PATIENCE, async || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{} has ended: {}", self.url, self.log());
            match self.client().get(path).try_send().await {
                Ok(answer) if wanted(&answer) => Ok(()),
                Ok(answer) => Err(format!("{path}: {}", answer.status)),
                Err(error) => Err(format!("{error}\n{}", self.log())),
            }
        })
        .await;
        self
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(mut self) -> (ExitStatus, String) {
        let status =
            eventually(PATIENCE, async || self.child.try_wait().unwrap().ok_or_else(|| self.log())).await;
        (status, self.log())
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

/// A port at which nobody listens now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
