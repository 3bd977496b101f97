//! Running a program that Ctrl-C ends together with its children.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use stack::StackError;

use crate::signals::Signals;

const POLL: Duration = Duration::from_millis(50);
/// After this time, the processes that are left are killed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs it to its end, or until a signal comes.
///
/// It has a process group of its own, so that a signal that only this process gets can be passed on to its children. The
/// servers of a stack are in other groups: the kernel ends them together with the process that started them.
pub(super) fn run(command: &mut Command, signals: &Signals) -> anyhow::Result<ExitStatus> {
    let program = command.get_program().to_owned();
    let mut child = command
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .with_context(|| format!("running {}", program.display()))?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if signals.wait(POLL) {
            end(&mut child)?;
            return Err(StackError::Interrupted.into());
        }
    }
}

/// Ends the whole group, and waits until it is empty.
fn end(child: &mut Child) -> anyhow::Result<()> {
    let group = Pid::from_raw(i32::try_from(child.id())?);
    let deadline = Instant::now() + PATIENCE;
    let mut signal = Signal::SIGINT;
    // An empty group can't be signalled.
    while killpg(group, signal).is_ok() {
        if Instant::now() >= deadline {
            signal = Signal::SIGKILL;
        }
        // A child that has ended stays in its group until it is waited for.
        child.try_wait()?;
        thread::sleep(POLL);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_and_its_children_are_ended_together() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 1234.5 & sleep 1234.5"]).process_group(0);
        let mut child = command.spawn().unwrap();
        let group = Pid::from_raw(i32::try_from(child.id()).unwrap());

        end(&mut child).unwrap();

        assert!(killpg(group, None).is_err());
    }
}
