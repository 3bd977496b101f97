//! Finding and ending the processes that a killed stack has left running.
//!
//! The kernel ends our children with us. If it could not (no `setpriv`, or a server in the middle of its own shutdown), the
//! next stack with the same folders finds them by their pid files. A process id can belong to another program by then. So
//! a process is ours only if its whole command line is the one that we started. Ours name files in these folders.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::error::StackError;
use crate::home::Home;
use crate::launch::Launch;

const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

#[derive(Serialize, Deserialize)]
struct PidFile {
    pid: u32,
    /// Program and arguments, as `/proc/{pid}/cmdline` shows them.
    command_line: Vec<String>,
}

/// Writes the pid file of a part's process, and gives its path.
pub(crate) fn record(home: &Home, launch: &Launch, pid: u32) -> Result<PathBuf, StackError> {
    let path = pid_file(home, &launch.part);
    let command_line = std::iter::once(launch.program.as_os_str())
        .chain(launch.args.iter().map(AsRef::as_ref))
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let text = serde_json::to_vec(&PidFile { pid, command_line }).expect("strings and a number make JSON");
    fs::write(&path, text).map_err(StackError::io(format!("writing {}", path.display())))?;
    Ok(path)
}

/// The path of the pid file of a part.
pub(crate) fn pid_file(home: &Home, part: &str) -> PathBuf {
    home.run().join(format!("{part}.pid"))
}

/// Ends the processes that an earlier stack with these folders has left, and gives the names of their parts.
pub(crate) fn end_all(home: &Home) -> Result<Vec<String>, StackError> {
    let mut found = Vec::new();
    for path in pid_files(&home.run()).map_err(StackError::io("looking for leftover processes"))? {
        if let Some(pid) = running(&path) {
            found.push((pid, part_name(&path)));
        }
    }
    for (pid, _) in &found {
        signal(*pid, Signal::SIGTERM);
        signal(*pid, Signal::SIGCONT);
    }
    let deadline = Instant::now() + PATIENCE;
    for (pid, _) in &found {
        while exists(*pid) {
            if Instant::now() >= deadline {
                signal(*pid, Signal::SIGKILL);
            }
            thread::sleep(POLL);
        }
    }
    for path in pid_files(&home.run()).map_err(StackError::io("looking for leftover processes"))? {
        fs::remove_file(&path).map_err(StackError::io(format!("removing {}", path.display())))?;
    }
    Ok(found.into_iter().map(|(_, part)| part).collect())
}

fn pid_files(run: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(run)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("pid")) {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// The process of a pid file, if it still runs and has the command line of the file.
fn running(pid_file: &Path) -> Option<u32> {
    let file: PidFile = serde_json::from_slice(&fs::read(pid_file).ok()?).ok()?;
    let raw = fs::read(format!("/proc/{}/cmdline", file.pid)).ok()?;
    let words = raw.strip_suffix(b"\0").unwrap_or(&raw).split(|byte| *byte == 0);
    let now: Vec<_> = words.map(|word| OsStr::from_bytes(word).to_string_lossy().into_owned()).collect();
    (now == file.command_line).then_some(file.pid)
}

fn part_name(pid_file: &Path) -> String {
    pid_file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn exists(pid: u32) -> bool {
    // A zombie has an empty command line: it has ended, and its parent has not waited for it yet.
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

fn signal(pid: u32, signal: Signal) {
    if let Ok(pid) = i32::try_from(pid) {
        // An error means that the process is gone, which is what is wanted.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let checkout = tempfile::tempdir().unwrap();
        let home = Home::lasting(checkout.path());
        home.create().unwrap();
        (checkout, home)
    }

    /// A process with its command line, which the kernel sets a moment after the start.
    fn sleeping() -> Child {
        let child = Command::new("sleep").arg("1234.5").stdin(Stdio::null()).spawn().unwrap();
        while !exists(child.id()) {
            thread::yield_now();
        }
        child
    }

    #[test]
    fn a_leftover_of_ours_is_ended() {
        let (_checkout, home) = home();
        let launch = Launch::new("redis", Path::new("sleep")).arg("1234.5");
        let mut child = sleeping();
        record(&home, &launch, child.id()).unwrap();

        assert_eq!(end_all(&home).unwrap(), ["redis"]);

        assert!(!child.wait().unwrap().success());
        assert!(pid_files(&home.run()).unwrap().is_empty());
    }

    #[test]
    fn a_process_that_only_has_the_same_id_is_left_alone() {
        let (_checkout, home) = home();
        let launch = Launch::new("redis", Path::new("redis-server")).arg("--port=6379");
        let mut child = sleeping();
        record(&home, &launch, child.id()).unwrap();

        assert!(end_all(&home).unwrap().is_empty());

        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
