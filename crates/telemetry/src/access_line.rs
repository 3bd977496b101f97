//! Formats the line about an answered request of a [`crate::Route`].
//!
//! It is the only line that each request of a proxy writes. The general way sends each value through the machinery of `fmt`,
//! which took a sixth of the instructions of a request. So here the parts that are known before are kept as text, and numbers
//! are appended. The line is the same.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata};

use crate::context::TraceId;

/// What all lines of a route have in common.
#[derive(Debug)]
pub(crate) struct Common {
    text: String,
    json: String,
}

impl Common {
    pub(crate) fn new(method: &'static str, route: &str) -> Self {
        let json = serde_json::json!({ "method": method, "route": route }).to_string();
        Self {
            text: format!(" method={method:?} route={route:?}"),
            json: json.trim_matches(['{', '}']).to_owned(),
        }
    }
}

/// The line as text. All of its values are numbers, and its message is a constant, so nothing in it needs to be escaped.
pub(crate) fn text(event: &Event<'_>, trace: TraceId, common: &Common) -> String {
    let metadata = event.metadata();
    let mut line = String::with_capacity(192);
    append_time(&mut line, now());
    line.push(' ');
    line.push_str(padded_level(metadata));
    line.push(' ');
    line.push_str(&trace.as_text());
    line.push(' ');
    line.push_str(metadata.target());
    line.push(':');
    event.record(&mut TextFields(&mut line));
    line.push_str(&common.text);
    line.push('\n');
    line
}

/// The line as a JSON object.
pub(crate) fn json(event: &Event<'_>, trace: TraceId, common: &Common, service: &str) -> String {
    let metadata = event.metadata();
    let mut line = String::with_capacity(256);
    line.push_str(r#"{"timestamp":""#);
    append_time(&mut line, now());
    for (name, value) in [
        ("level", metadata.level().as_str()),
        ("service", service),
        ("trace_id", &*trace.as_text()),
        ("target", metadata.target()),
    ] {
        for part in [r#"",""#, name, r#"":""#, value] {
            line.push_str(part);
        }
    }
    line.push_str(r#"","#);
    line.push_str(&common.json);
    event.record(&mut JsonFields(&mut line));
    line.push_str("}\n");
    line
}

/// Appends ` answered status=200`.
struct TextFields<'a>(&'a mut String);

impl Visit for TextFields<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        for part in [" ", field.name(), "=", &value.to_string()] {
            self.0.push_str(part);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to memory does not fail.
        let _ = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

/// Appends `,"message":"answered","status":200`.
struct JsonFields<'a>(&'a mut String);

impl JsonFields<'_> {
    fn append(&mut self, field: &Field, value: &str) {
        for part in [r#",""#, field.name(), r#"":"#, value] {
            self.0.push_str(part);
        }
    }
}

impl Visit for JsonFields<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.append(field, &value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.append(field, &serde_json::Value::from(format!("{value:?}")).to_string());
    }
}

fn padded_level(metadata: &Metadata<'_>) -> &'static str {
    match *metadata.level() {
        tracing::Level::ERROR => "ERROR",
        tracing::Level::WARN => " WARN",
        tracing::Level::INFO => " INFO",
        tracing::Level::DEBUG => "DEBUG",
        tracing::Level::TRACE => "TRACE",
    }
}

#[expect(clippy::disallowed_methods, reason = "every line has the time of the system")]
fn now() -> SystemTime {
    SystemTime::now()
}

thread_local! {
    /// The last second that this thread has written, as `2026-11-22T01:02:03.`.
    static SECOND: RefCell<(u64, String)> = const { RefCell::new((u64::MAX, String::new())) };
}

/// Appends a time as `tracing_subscriber` writes it: `2026-11-22T01:02:03.000004Z`. Only a new second is formatted.
fn append_time(line: &mut String, time: SystemTime) {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    SECOND.with_borrow_mut(|(second, text)| {
        if *second != since.as_secs() {
            *second = since.as_secs();
            *text = second_as_text(*second);
        }
        line.push_str(text);
    });
    let mut rest = since.subsec_micros();
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit += u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
    line.push_str(std::str::from_utf8(&digits).unwrap_or_default());
    line.push('Z');
}

fn second_as_text(second: u64) -> String {
    let second =
        i64::try_from(second).ok().and_then(|second| OffsetDateTime::from_unix_timestamp(second).ok());
    let second = second.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = (second.year(), u8::from(second.month()), second.day());
    let (hour, minute, second) = second.to_hms();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.")
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::fmt::format::Writer;
    use tracing_subscriber::fmt::time::FormatTime;

    use super::*;

    fn as_text(time: SystemTime) -> String {
        let mut text = String::new();
        append_time(&mut text, time);
        text
    }

    #[test]
    fn times_have_microseconds_and_change_with_the_second() {
        let time = |micros| SystemTime::UNIX_EPOCH + Duration::from_micros(micros);
        assert_eq!(as_text(time(1_795_309_323_000_004)), "2026-11-22T01:02:03.000004Z");
        assert_eq!(as_text(time(1_795_309_323_999_999)), "2026-11-22T01:02:03.999999Z");
        assert_eq!(as_text(time(1_795_309_324_000_000)), "2026-11-22T01:02:04.000000Z");
        assert_eq!(as_text(time(951_782_400_120_000)), "2000-02-29T00:00:00.120000Z");
    }

    #[test]
    fn times_are_those_of_all_other_lines() {
        let mut other = String::new();
        tracing_subscriber::fmt::time::SystemTime.format_time(&mut Writer::new(&mut other)).unwrap();
        let ours = as_text(now());
        assert_eq!(ours.len(), other.len());
        assert!(other <= ours, "{other} {ours}");
    }
}
