//! Why the servers' programs are not there.

use std::io;
use std::process::ExitStatus;

use crate::log_tail::LogTail;

/// Why programs could not be found or fetched.
#[derive(Debug, thiserror::Error)]
pub enum ToolsError {
    /// Fetching knows the packages of Debian and its relatives only.
    #[error("not on this machine: {missing}; and without apt-get and dpkg-deb they can't be fetched")]
    NotDebian {
        /// What is missing, for people.
        missing: String,
    },
    /// `apt-get` or `dpkg-deb` failed.
    #[error("fetching the missing servers: `{command}` failed ({status})")]
    Command {
        /// What was run.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said last.
        log: LogTail,
    },
    /// The machine has no Debian package source to copy.
    #[error("{title} is not in this machine's package sources, and none of them is Debian's own")]
    NoDebianSource {
        /// What is missing, for people.
        title: &'static str,
    },
    /// What was fetched is too old, or does not run here.
    #[error("what the package sources have of {title} is too old, or does not run on this machine")]
    StillMissing {
        /// Which one, for people.
        title: &'static str,
    },
    /// A file or folder could not be read or written.
    #[error("fetching the missing servers: {doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

impl ToolsError {
    pub(super) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    pub(crate) fn log(&self) -> Option<&LogTail> {
        match self {
            Self::Command { log, .. } => Some(log),
            Self::NotDebian { .. }
            | Self::NoDebianSource { .. }
            | Self::StillMissing { .. }
            | Self::Io { .. } => None,
        }
    }

    pub(crate) fn advice(&self) -> String {
        match self {
            Self::Command { .. } => "Can this machine reach its package sources (does `apt-get update` work)? \
                Servers that you put on the PATH yourself are used as well."
                .to_owned(),
            Self::Io { .. } => "Is the disk full, or does the folder belong to another user?".to_owned(),
            Self::NotDebian { .. } | Self::NoDebianSource { .. } | Self::StillMissing { .. } => {
                "Put these on the PATH, and they are used: `mariadbd` (MariaDB 10.11 or newer) or `mysqld` (MySQL \
                 8.4 or newer), `redis-server` (6.2 or newer), `consul` (1.8 or newer). None of them needs to \
                 run: private instances are started."
                    .to_owned()
            }
        }
    }
}
