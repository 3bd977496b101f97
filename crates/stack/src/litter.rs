//! Removing what a throw-away stack leaves, also when its process is killed.
//!
//! A helper process waits until the other end of its standard input is closed, which the kernel does when we
//! end in any way, and then removes the folders. Destructors alone do not do: a test binary ends without
//! running those of its statics.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use crate::error::StackError;
use crate::home::Home;

/// Reads until the end of its input, and then removes what it was given.
const SCRIPT: &str = r#"read -r _; exec rm -rf -- "$@""#;

/// The helper process. Dropping it removes the litter, and waits for it.
#[derive(Debug)]
pub(crate) struct Litter(Child);

impl Litter {
    pub(crate) fn watch(home: &Home) -> Result<Self, StackError> {
        Command::new("/bin/sh")
            .args(["-c", SCRIPT, "litter"])
            .args(home.litter())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // It must outlive us, and Ctrl-C in the terminal.
            .process_group(0)
            .spawn()
            .map(Self)
            .map_err(StackError::io("starting the process that removes a throw-away stack's data"))
    }
}

impl Drop for Litter {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It can fail only if somebody else has waited for the child.
        drop(self.0.wait());
    }
}
