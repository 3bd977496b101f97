//! Removing the files of a throw-away stack, also when its process is killed.
//!
//! A helper process waits until the other end of its standard input is closed, and then removes the folders. The kernel
//! closes it, however we end. Destructors are not enough: a test binary ends without running those of its statics.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use crate::error::StackError;
use crate::home::Home;

/// Reads until the end of its input, and then removes its arguments.
const SCRIPT: &str = r#"read -r _; exec rm -rf -- "$@""#;

/// The helper process. Dropping it removes the folders, and waits until they are gone.
#[derive(Debug)]
pub(crate) struct Cleanup(Child);

impl Cleanup {
    pub(crate) fn watch(home: &Home) -> Result<Self, StackError> {
        Command::new("/bin/sh")
            .args(["-c", SCRIPT, "cleanup"])
            .args(home.temporary_folders())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // It must outlive us and a Ctrl-C in the terminal.
            .process_group(0)
            .spawn()
            .map(Self)
            .map_err(StackError::io("starting the process that removes a throw-away stack's data"))
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It fails only if the child was waited for already.
        drop(self.0.wait());
    }
}
