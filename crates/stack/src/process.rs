//! One child process: started with a log and a pid file, signalled, and waited for.

use std::ffi::OsString;
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
use crate::{keeper, leftovers};

/// How often a child is asked whether it has ended. `waitpid` has no time limit of its own.
const POLL: Duration = Duration::from_millis(5);

/// What to run for a part. It can be run again as often as the part is restarted.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) part: String,
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
}

impl Launch {
    pub(crate) fn new(part: &str, program: &Path) -> Self {
        Self { part: part.to_owned(), program: program.to_owned(), args: Vec::new(), env: Vec::new() }
    }

    pub(crate) fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub(crate) fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(crate) fn envs(mut self, env: &[(OsString, OsString)]) -> Self {
        self.env.extend_from_slice(env);
        self
    }
}

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

        let mut command = mortal_command(&launch.program, home.purpose());
        command
            .args(&launch.args)
            .envs(launch.env.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            // A group of its own: Ctrl-C in the terminal is for us, who then stop the parts in order.
            .process_group(0);
        for (key, _) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("DALKOM_") {
                command.env_remove(key);
            }
        }

        let child = keeper::spawn(command).map_err(|source| StackError::Spawn {
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

    pub(crate) fn signal(&self, signal: Signal) {
        // A child that has ended already, and can't be signalled, is what the sender wanted.
        let _ = kill(pid_of(&self.child), signal);
    }

    /// Asks it to end, and makes it end when it takes too long.
    pub(crate) fn stop(mut self, patience: Duration) -> io::Result<Stopped> {
        self.signal(Signal::SIGTERM);
        // A stopped process hears nothing until it goes on.
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
        // Both fail only where the child is gone already.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_file(&self.pid_file));
    }
}

/// How a part ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopped {
    pub(crate) status: ExitStatus,
    /// It did not end by itself in time.
    pub(crate) forced: bool,
}

/// A command that the kernel ends together with us. Without `setpriv` (it is part of util-linux, and on every
/// Debian) only the pid files are left to find what a killed stack leaves.
fn mortal_command(program: &Path, purpose: Purpose) -> Command {
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
