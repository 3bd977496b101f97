//! Setting up the log of a process.

use std::str::FromStr;
use std::sync::OnceLock;

use tracing::Subscriber;
use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{DefaultFields, JsonFields};
use tracing_subscriber::layer::{Layered, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry, fmt, reload};

use crate::context::SPAN_TARGET;
use crate::format::{JsonLine, TextLine};
use crate::writer::LineWriter;

/// The writer of the process's log.
static WRITER: OnceLock<LineWriter> = OnceLock::new();

/// What a subscriber writes, below its filter.
type Lines = Layered<Box<dyn Layer<Registry> + Send + Sync>, Registry>;

/// Replaces the filter of the process's log.
static FILTER: OnceLock<reload::Handle<EnvFilter, Lines>> = OnceLock::new();

/// What is logged. It has the syntax of `tracing-subscriber`, for example `info,sqlx=warn`.
#[derive(Debug)]
pub struct LogFilter(EnvFilter);

impl FromStr for LogFilter {
    type Err = LogError;

    fn from_str(filter: &str) -> Result<Self, LogError> {
        let parsed = EnvFilter::try_new(format!("{filter},{SPAN_TARGET}=error"));
        parsed.map(Self).map_err(|source| LogError::Filter { filter: filter.to_owned(), source })
    }
}

impl LogFilter {
    /// Logs by this filter from now on. Without a log of the process ([`init`]), nothing happens.
    pub fn install(self) {
        let replaced = FILTER.get().map(|filter| filter.reload(self.0));
        if let Some(Err(error)) = replaced {
            tracing::error!(error = &error as &dyn std::error::Error, "the log filter can't be replaced");
        }
    }
}

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
    let (filter, handle) = reload::Layer::new(filter.parse::<LogFilter>()?.0);
    lines(service, format, writer.clone()).with(filter).try_init().map_err(LogError::Twice)?;
    let _ = WRITER.set(writer);
    let _ = FILTER.set(handle);
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

/// A subscriber like that of [`init`], which writes to `writer`.
pub fn subscriber<W>(
    service: &'static str,
    format: LogFormat,
    filter: &str,
    writer: W,
) -> Result<impl Subscriber + Send + Sync, LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter: LogFilter = filter.parse()?;
    Ok(lines(service, format, writer).with(filter.0))
}

fn lines<W>(service: &'static str, format: LogFormat, writer: W) -> Lines
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
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
    tracing_subscriber::registry().with(lines)
}
