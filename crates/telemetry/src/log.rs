//! Setting up the log of a process.

use std::sync::OnceLock;

use tracing::Subscriber;
use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{DefaultFields, JsonFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry, fmt};

use crate::context::SPAN_TARGET;
use crate::format::{JsonLine, TextLine};
use crate::writer::LineWriter;

/// The writer of the process's log.
static WRITER: OnceLock<LineWriter> = OnceLock::new();

/// The format of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people: time, level, trace id, target, message, and the fields as `name=value`.
    #[default]
    Text,
    /// For machines: one JSON object in each line.
    Json,
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is malformed.
    #[error("the log filter `{filter}` is not understood")]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: ParseError,
    },
    /// The thread that writes the log can't be started.
    #[error("the log can't be written by a thread of its own")]
    Thread(#[source] std::io::Error),
    /// The process has set up a log before.
    #[error("the log is set up already")]
    Twice(#[source] TryInitError),
}

/// Sends the log of the process to standard error; standard output is for what a command prints. A thread writes it, so that a
/// slow reader of the log delays no request ([`flush`] waits for it). Panics are logged as errors, so
/// that they have a trace id as well.
///
/// `service` is in every JSON line. `filter` has the syntax of `tracing-subscriber`, for example `info,sqlx=warn`.
pub fn init(service: &'static str, format: LogFormat, filter: &str) -> Result<(), LogError> {
    let writer = LineWriter::start(std::io::stderr()).map_err(LogError::Thread)?;
    subscriber(service, format, filter, writer.clone())?.try_init().map_err(LogError::Twice)?;
    let _ = WRITER.set(writer);
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("a value that is not text");
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place = place.as_deref(), "panicked: {message}");
    }));
    Ok(())
}

/// Writes what is still kept, before the process ends.
pub fn flush() {
    if let Some(writer) = WRITER.get() {
        writer.flush();
    }
}

/// The subscriber that [`init`] installs, which writes to `writer`.
pub fn subscriber<W>(
    service: &'static str,
    format: LogFormat,
    filter: &str,
    writer: W,
) -> Result<impl Subscriber + Send + Sync, LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(format!("{filter},{SPAN_TARGET}=error"))
        .map_err(|source| LogError::Filter { filter: filter.to_owned(), source })?;
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Text => fmt::layer()
            .fmt_fields(DefaultFields::new())
            .event_format(TextLine)
            .with_ansi(false)
            .with_writer(writer)
            .boxed(),
        LogFormat::Json => fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(JsonLine { service })
            .with_writer(writer)
            .boxed(),
    };
    Ok(tracing_subscriber::registry().with(lines).with(filter))
}
