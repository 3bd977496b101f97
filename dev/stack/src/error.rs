//! Why a stack could not be started, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use crate::log_tail::LogTail;
use crate::tools::ToolsError;

/// Why something failed. [`StackError::log`] and [`StackError::advice`] say more.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// A lasting stack of this checkout runs already.
    #[error("the stack of this checkout is already up: process {pid}, gateway {gateway}")]
    AlreadyUp {
        /// Its process.
        pid: u32,
        /// The address of its gateway, or why it is not known yet.
        gateway: String,
    },
    /// The servers' programs could not be found or fetched.
    #[error(transparent)]
    Tools(#[from] ToolsError),
    /// The program of a part could not be started.
    #[error("{part}: its program {program} could not be started")]
    Spawn {
        /// The part.
        part: String,
        /// The program.
        program: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A part ended while it was starting.
    #[error("{part} stopped while it was starting ({status})")]
    Exited {
        /// The part.
        part: String,
        /// Its exit status.
        status: ExitStatus,
        /// The end of its log.
        log: LogTail,
    },
    /// A part did not become ready in time.
    #[error("{part} was not ready after {} s: {reason}", patience.as_secs())]
    NotReady {
        /// The part.
        part: String,
        /// How long it was waited for.
        patience: Duration,
        /// What was still missing.
        reason: String,
        /// The end of its log.
        log: LogTail,
    },
    /// The system tables of the database could not be created.
    #[error("mariadb: its data could not be initialised ({status})")]
    Initialise {
        /// The exit status of the program that creates them.
        status: ExitStatus,
        /// The end of its log.
        log: LogTail,
    },
    /// A file or folder could not be read or written.
    #[error("{doing}")]
    Io {
        /// What was being done, with the path.
        doing: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A key or a setting could not be generated, read or written.
    #[error("{doing}")]
    Secret {
        /// What was being done.
        doing: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A command of a service failed.
    #[error("`{command}` failed ({status}): {output}")]
    Command {
        /// The service and the command.
        command: String,
        /// Its exit status.
        status: ExitStatus,
        /// What it has written to standard error.
        output: String,
    },
    /// A part was stopped or killed while somebody waited for it.
    #[error("{0} was stopped while it was starting")]
    StoppedMeanwhile(String),
    /// The instances of a service are being replaced.
    #[error("a roll is under way")]
    RollUnderWay,
    /// An instance could not be replaced, so the service has its old program again.
    #[error("{app} keeps its old program: a new instance of it did not become healthy")]
    WentBack {
        /// The service.
        app: String,
        /// Why the new instance was removed.
        #[source]
        source: Box<StackError>,
    },
    /// An instance could not be replaced, and others of its service could not go back.
    #[error(
        "{app} has two programs now: a new instance did not become healthy, and {} could not go back",
        stuck.join(", ")
    )]
    Mixed {
        /// The service.
        app: String,
        /// The instances that have the new program.
        stuck: Vec<String>,
        /// Why the new instance was removed.
        #[source]
        source: Box<StackError>,
    },
    /// The process that holds the stack has refused a command, or has failed.
    #[error("{text}")]
    Refused {
        /// What it said.
        text: String,
        /// Whether a service went back to its old program.
        went_back: bool,
        /// The end of a log that it named.
        log: Option<LogTail>,
    },
    /// A key is being replaced.
    #[error("a rotation is under way")]
    RotationUnderWay,
    /// There is no such service, or it signs no tokens.
    #[error("{0} has no key that signs service tokens")]
    NoServiceKey(String),
    /// A process does not run with the settings of a rotation.
    #[error("{0}; both keys stay accepted, and the same command goes on from here")]
    NotApplied(String),
    /// config-server gave no answer that can be used.
    #[error("asking {url}")]
    Asking {
        /// What was asked.
        url: String,
        /// Why there is no answer.
        #[source]
        source: Box<ureq::Error>,
    },
    /// There is no part with this name.
    #[error("no part of the stack is called {0}")]
    UnknownPart(String),
    /// The work was interrupted.
    #[error("interrupted")]
    Interrupted,
}

impl StackError {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    pub(crate) fn asking(url: &str) -> impl FnOnce(ureq::Error) -> Self {
        let url = url.to_owned();
        move |source| Self::Asking { url, source: Box::new(source) }
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
            Self::WentBack { source, .. } | Self::Mixed { source, .. } => source.log(),
            Self::Refused { log, .. } => log.as_ref(),
            Self::StoppedMeanwhile(_)
            | Self::RollUnderWay
            | Self::RotationUnderWay
            | Self::NoServiceKey(_)
            | Self::NotApplied(_)
            | Self::Asking { .. }
            | Self::AlreadyUp { .. }
            | Self::Spawn { .. }
            | Self::Io { .. }
            | Self::Secret { .. }
            | Self::Command { .. }
            | Self::UnknownPart(_)
            | Self::Interrupted => None,
        }
    }

    /// What to do now.
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::AlreadyUp { pid, .. } => Some(format!(
                "Use it, or stop it with Ctrl-C where it runs (or `kill {pid}`), and try again."
            )),
            Self::Tools(error) => Some(error.advice()),
            Self::Spawn { program, .. } => {
                Some(format!("Does {} exist, and is it executable?", program.display()))
            }
            Self::Exited { part, log, .. } | Self::NotReady { part, log, .. } => Some(format!(
                "The whole log of {part} is {}. If its data is damaged, `cargo xtask reset` removes it.",
                log.path.display()
            )),
            Self::Initialise { log, .. } => Some(format!(
                "The whole log is {}. `cargo xtask reset` removes the unfinished data.",
                log.path.display()
            )),
            Self::Io { .. } => Some("Is the disk full, or does the folder belong to another user?".to_owned()),
            Self::Secret { .. } => Some(
                "`cargo xtask reset` removes the keys under .dalkom/secrets together with the data, and the next \
                 start makes new ones."
                    .to_owned(),
            ),
            Self::WentBack { .. } => Some("The old instances go on serving. Mend the new program, and roll again.".to_owned()),
            Self::Mixed { .. } => Some("Roll the program that you want to have.".to_owned()),
            Self::RollUnderWay | Self::RotationUnderWay => Some("Wait for its end, and try again.".to_owned()),
            Self::Asking { .. } | Self::NotApplied(_) => {
                Some("`cargo xtask config status` shows which process runs which settings.".to_owned())
            }
            Self::Command { .. }
            | Self::UnknownPart(_)
            | Self::NoServiceKey(_)
            | Self::Interrupted
            | Self::StoppedMeanwhile(_)
            | Self::Refused { .. } => None,
        }
    }
}
