//! A child process, and a port for it.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

use crate::process::Process;

/// A child process. Dropping it kills it, and its own children end with it.
pub(super) struct Running(Child);

impl Running {
    /// Starts a command whose output goes into a file.
    pub(super) fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let log = File::create(log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(Self(command.spawn().with_context(|| format!("running {}", command.get_program().display()))?))
    }

    pub(super) fn has_ended(&mut self) -> std::io::Result<bool> {
        Ok(self.0.try_wait()?.is_some())
    }

    /// The process and its children: nginx and HAProxy have worker processes.
    pub(super) fn all(&self) -> anyhow::Result<Vec<Process>> {
        let parent = Process::numbered(self.0.id())?;
        Ok(parent.children()?.into_iter().chain([parent]).collect())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        use nix::sys::signal::{Signal, kill};
        use nix::unistd::Pid;
        // nginx ends its workers when it is asked to end, and not when it is killed. An error means that it has ended.
        if let Ok(pid) = i32::try_from(self.0.id()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGINT);
        }
        drop(self.0.wait());
    }
}
