//! The process, as clients and operators see it.
#![expect(clippy::unwrap_used, reason = "in a test, the panic is the message")]

mod readiness;
mod tls;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

/// A running config-server with the settings of `shop`.
struct Server {
    process: Child,
    port: u16,
    management: SocketAddr,
    folder: TempDir,
    log: Option<BufReader<ChildStderr>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Server {
    /// With the certificate and the settings of `shop` that are in the folder, if there are any.
    fn start(folder: TempDir) -> Self {
        let path = |name: &str| folder.path().join(name);
        let files = path("files");
        fs::create_dir_all(&files).unwrap();
        let mut own = "server: {address: '127.0.0.1:0'}\nmanagement: {address: '127.0.0.1:0'}\n\
                       consul: {url: 'http://127.0.0.1:1'}\n\
                       access: {issuer: a, audience: b, user-keys-service: c}\n"
            .to_owned();
        if path("cert.pem").exists() {
            let tls = format!(
                "server.tls: {{certificate: '{}', key: '{}'}}\n",
                path("cert.pem").display(),
                path("key.pem").display()
            );
            own.push_str(&tls);
        }
        fs::write(files.join("config-server.yml"), own).unwrap();
        if !files.join("shop.yml").exists() {
            fs::write(files.join("shop.yml"), "port: 1\n").unwrap();
        }
        fs::write(path("credentials.yml"), "shop: sesame\n").unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_config-server"))
            .args(["--log-format", "json", "--config-dir"])
            .arg(&files)
            .arg("--credentials-file")
            .arg(path("credentials.yml"))
            .env_clear()
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let line = logged(&mut log, "serving");
        let address = |name: &str| line[name].as_str().unwrap().parse::<SocketAddr>().unwrap();
        let (port, management) = (address("address").port(), address("management"));
        Self { process, port, management, folder, log: Some(log) }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.process.id()).unwrap()), signal).unwrap();
    }

    /// Reads the log up to a line.
    async fn logged(&mut self, message: &'static str) {
        let mut log = self.log.take().unwrap();
        let read = tokio::task::spawn_blocking(move || {
            logged(&mut log, message);
            log
        });
        self.log = Some(read.await.unwrap());
    }
}

fn logged(log: &mut BufReader<ChildStderr>, message: &str) -> Value {
    let mut line = String::new();
    loop {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "never logged: {message}");
        let line: Value = serde_json::from_str(&line).unwrap();
        if line["message"] == message {
            return line;
        }
    }
}
