//! Why the programs of the servers are missing.

use std::io;
use std::process::ExitStatus;

use crate::log_tail::LogTail;

/// Why programs could not be found or fetched.
#[derive(Debug, thiserror::Error)]
pub enum ToolsError {
    /// Only the packages of Debian and its derivatives can be fetched.
    #[error("not on this machine: {missing}; without apt-get and dpkg-deb they can't be fetched")]
    NotDebian {
        /// The missing program, for people.
        missing: String,
    },
    /// `apt-get` or `dpkg-deb` failed.
    #[error("fetching the missing servers: `{command}` failed ({status})")]
    Command {
        /// The command.
        command: String,
        /// Its exit status.
        status: ExitStatus,
        /// The end of its log.
        log: LogTail,
    },
    /// The machine has no Debian package source to copy.
    #[error("{title} is not in the package sources of this machine, and none of them is a Debian mirror")]
    NoDebianSource {
        /// The missing program, for people.
        title: &'static str,
    },
    /// The fetched program is too old or does not run here.
    #[error("the version of {title} in the package sources is too old or does not run on this machine")]
    StillMissing {
        /// The program, for people.
        title: &'static str,
    },
    /// A file or folder could not be read or written.
    #[error("fetching the missing servers: {doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// The cause.
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
            Self::Command { .. } => {
                "Can this machine reach its package sources (does `apt-get update` work)? \
                Servers that you put on the PATH yourself are used as well."
                    .to_owned()
            }
            Self::Io { .. } => "Is the disk full, or does the folder belong to another user?".to_owned(),
            Self::NotDebian { .. } | Self::NoDebianSource { .. } | Self::StillMissing { .. } => {
                "Put these on the PATH: `mariadbd` (MariaDB 10.11 or newer) or `mysqld` (MySQL \
                 8.4 or newer), `redis-server` (6.2 or newer), `consul` (1.8 or newer). They need not \
                 run: the stack starts its own instances."
                    .to_owned()
            }
        }
    }
}
