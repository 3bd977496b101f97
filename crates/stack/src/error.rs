//! Why a stack could not be started or kept, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use crate::log_tail::LogTail;
use crate::tools::ToolsError;

/// Why something was not done. [`StackError::log`] and [`StackError::advice`] have the rest of the story.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// One lasting stack runs in each checkout, and one does.
    #[error("the stack of this checkout is already up: process {pid}, gateway {gateway}")]
    AlreadyUp {
        /// The process that holds it.
        pid: u32,
        /// The address of its gateway, or a word on why it has none yet.
        gateway: String,
    },
    /// The servers' programs could not be found or fetched.
    #[error(transparent)]
    Tools(#[from] ToolsError),
    /// The program of a part could not be started at all.
    #[error("{part}: its program {program} could not be started")]
    Spawn {
        /// Which part.
        part: String,
        /// What was to be run.
        program: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A part ended while the others waited for it.
    #[error("{part} stopped while it was starting ({status})")]
    Exited {
        /// Which part.
        part: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said last.
        log: LogTail,
    },
    /// A part runs, and does not become ready.
    #[error("{part} was not ready after {} s: {reason}", patience.as_secs())]
    NotReady {
        /// Which part.
        part: String,
        /// How long it was given.
        patience: Duration,
        /// What it still lacked.
        reason: String,
        /// What it said last.
        log: LogTail,
    },
    /// The database's own tables could not be made.
    #[error("mariadb: its data could not be initialised ({status})")]
    Initialise {
        /// How the program that makes them ended.
        status: ExitStatus,
        /// What it said last.
        log: LogTail,
    },
    /// A file or folder could not be read or written.
    #[error("{doing}")]
    Io {
        /// What was being done, with the path.
        doing: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A key or a setting could not be made.
    #[error("{doing}")]
    Secret {
        /// What was being done.
        doing: String,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No part has this name.
    #[error("no part of the stack is called {0}")]
    UnknownPart(String),
    /// Somebody wanted the work to end.
    #[error("interrupted")]
    Interrupted,
}

impl StackError {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    pub(crate) fn secret<E>(doing: impl Into<String>) -> impl FnOnce(E) -> Self
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        let doing = doing.into();
        move |source| Self::Secret { doing, source: Box::new(source) }
    }

    /// The end of the log of the part that failed.
    pub fn log(&self) -> Option<&LogTail> {
        match self {
            Self::Exited { log, .. } | Self::NotReady { log, .. } | Self::Initialise { log, .. } => Some(log),
            Self::Tools(error) => error.log(),
            Self::AlreadyUp { .. }
            | Self::Spawn { .. }
            | Self::Io { .. }
            | Self::Secret { .. }
            | Self::UnknownPart(_)
            | Self::Interrupted => None,
        }
    }

    /// What a person can do now.
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::AlreadyUp { pid, .. } => Some(format!(
                "Use it, or stop it with Ctrl-C where it runs (or `kill {pid}`), and try again."
            )),
            Self::Tools(error) => Some(error.advice()),
            Self::Spawn { program, .. } => {
                Some(format!("Is {} there, and may it be executed?", program.display()))
            }
            Self::Exited { part, log, .. } | Self::NotReady { part, log, .. } => Some(format!(
                "The whole log of {part} is {}. If its data is beyond repair, `cargo xtask reset` starts afresh.",
                log.path.display()
            )),
            Self::Initialise { log, .. } => Some(format!(
                "The whole log is {}. `cargo xtask reset` removes what was begun.",
                log.path.display()
            )),
            Self::Io { .. } => Some("Is the disk full, or does the folder belong to another user?".to_owned()),
            Self::Secret { .. } => Some(
                "`cargo xtask reset` removes the keys under .dalkom/secrets together with the data, and the next \
                 start makes new ones."
                    .to_owned(),
            ),
            Self::UnknownPart(_) | Self::Interrupted => None,
        }
    }
}
