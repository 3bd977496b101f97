//! One child process: started with a log and a pid file, signalled, and waited for.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::error::StackError;
use crate::home::{Home, Purpose};
use crate::launch::Launch;
use crate::{leftovers, spawner};

/// How often a child is asked whether it has ended. `waitpid` has no time limit of its own.
const POLL: Duration = Duration::from_millis(5);

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pid_file: PathBuf,
}

impl Process {
    /// Starts it, with its output appended to the part's log.
    pub(crate) fn start(launch: &Launch, home: &Home) -> Result<Self, StackError> {
        let log_path = home.log(&launch.part);
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(&log_path)
            .map_err(StackError::io(format!("opening {}", log_path.display())))?;
        let errors = log.try_clone().map_err(StackError::io("sharing a log"))?;

        let mut command = command_that_ends_with_us(&launch.program, home.purpose());
        command
            .args(&launch.args)
            .envs(launch.env.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            // A process group of its own, because a Ctrl-C in the terminal is for us: we stop the parts in order.
            .process_group(0);
        for (key, _) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("DALKOM_") {
                command.env_remove(key);
            }
        }

        let child = spawner::spawn(command).map_err(|source| StackError::Spawn {
            part: launch.part.clone(),
            program: launch.program.clone(),
            source,
        })?;
        let pid_file = leftovers::record(home, launch, child.id())?;
        Ok(Self { child, pid_file })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(crate) fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Gives its pid file and its log the name of another part.
    pub(crate) fn rename(&mut self, from: &str, to: &str, home: &Home) -> Result<(), StackError> {
        let pid_file = leftovers::pid_file(home, to);
        let renamed = fs::rename(&self.pid_file, &pid_file).and_then(|()| {
            self.pid_file = pid_file;
            keep_older(&home.log(to))?;
            fs::rename(home.log(from), home.log(to))
        });
        renamed.map_err(StackError::io(format!("giving {from} the name {to}")))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // An error means that the child has ended, which is what is wanted.
        let _ = kill(pid_of(&self.child), signal);
    }

    /// Asks it to end, and kills it if that takes too long.
    pub(crate) fn stop(mut self, patience: Duration) -> io::Result<Stopped> {
        self.signal(Signal::SIGTERM);
        // A paused process gets the signal only after SIGCONT.
        self.signal(Signal::SIGCONT);
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Stopped { status, forced: false });
            }
            thread::sleep(POLL);
        }
        self.child.kill()?;
        Ok(Stopped { status: self.child.wait()?, forced: true })
    }

    /// Ends it at once: SIGKILL, and waits until it is gone.
    pub(crate) fn kill(mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        self.child.wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if the child is gone already.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_file(&self.pid_file));
    }
}

/// A log has one process. That of the process before is kept as `{part}.log.1`.
pub(crate) fn keep_older(log: &Path) -> io::Result<()> {
    match fs::rename(log, log.with_extension("log.1")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => renamed,
    }
}

/// How a part ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopped {
    pub(crate) status: ExitStatus,
    /// It did not end in time, and was killed.
    pub(crate) forced: bool,
}

/// A command that the kernel ends together with us. Without `setpriv` (a part of util-linux, which every Debian has) only
/// the pid files help to end the processes of a killed stack.
fn command_that_ends_with_us(program: &Path, purpose: Purpose) -> Command {
    let Some(setpriv) = crate::tools::on_path("setpriv") else {
        return Command::new(program);
    };
    let signal = match purpose {
        Purpose::Lasting => "TERM",
        Purpose::Throwaway | Purpose::Measured => "KILL",
    };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", signal, "--"]).arg(program);
    command
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("Linux process ids end at 2^22"))
}
