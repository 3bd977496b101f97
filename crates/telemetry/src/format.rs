//! Formats an event as one line. Each line carries the trace id of the work that has written it.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, Scope};

use crate::access_line::{self, Common};
use crate::scope::{self, RequestScope};
use crate::writer::ACCESS_TARGET;
use crate::{TraceContext, TraceId};

/// `2026-11-22T01:02:03.000004Z INFO 4bf9… order_api::checkout: message field=value method=POST route=/api/…`
pub(crate) struct TextLine;

/// `{"timestamp":…,"level":…,"service":…,"trace_id":…,"target":…,"message":…, the fields}`
pub(crate) struct JsonLine {
    pub(crate) service: &'static str,
}

impl<S, N> FormatEvent<S, N> for TextLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if let Some(line) = line_of_route(context, event, access_line::text) {
            return writer.write_str(&line);
        }
        let metadata = event.metadata();
        let trace_id = trace_of(context).trace_id;
        SystemTime.format_time(&mut writer)?;
        write!(writer, " {:>5} {trace_id} {}: ", metadata.level(), metadata.target())?;

        let mut text = String::new();
        context.format_fields(Writer::new(&mut text), event)?;
        for span in context.event_scope().into_iter().flatten() {
            if let Some(fields) =
                span.extensions().get::<FormattedFields<N>>().filter(|fields| !fields.is_empty())
            {
                write!(text, " {fields}")?;
            }
        }
        scope::with(|scope| match scope {
            Some(RequestScope { label, .. }) => {
                write!(text, " method={:?} route={:?}", label.method, label.route)
            }
            None => Ok(()),
        })?;
        // A line break in a value would begin a line without a trace id, and could forge a line.
        if text.contains(char::is_control) {
            for c in text.chars() {
                if c.is_control() {
                    write!(writer, "{}", c.escape_default())?;
                } else {
                    writer.write_char(c)?;
                }
            }
        } else {
            writer.write_str(&text)?;
        }
        writer.write_char('\n')
    }
}

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let line = line_of_route(context, event, |event, trace, common| {
            access_line::json(event, trace, common, self.service)
        });
        if let Some(line) = line {
            return writer.write_str(&line);
        }
        let mut fields = Fields::default();
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            // `JsonFields` has formatted the span's fields as an object.
            if let Some(formatted) = span.extensions().get::<FormattedFields<N>>()
                && let Ok(Value::Object(of_span)) = serde_json::from_str(&formatted.fields)
            {
                fields.0.extend(of_span);
            }
        }
        scope::with(|scope| {
            if let Some(RequestScope { label, .. }) = scope {
                fields.0.insert("method".to_owned(), Value::from(label.method));
                fields.0.insert("route".to_owned(), Value::from(&*label.route));
            }
        });
        event.record(&mut fields);

        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let trace_id = trace_of(context).trace_id.to_string();
        let metadata = event.metadata();
        // They are inserted last, so that no field of an event can replace them.
        for (name, value) in [
            ("timestamp", timestamp.as_str()),
            ("level", metadata.level().as_str()),
            ("service", self.service),
            ("trace_id", &trace_id),
            ("target", metadata.target()),
        ] {
            fields.0.insert(name.to_owned(), Value::from(value));
        }
        writeln!(writer, "{}", Value::Object(fields.0))
    }
}

/// Formats the line about an answered request of a route. `None` for every other line, and within a span, whose fields belong to the
/// line.
fn line_of_route<S, N>(
    context: &FmtContext<'_, S, N>,
    event: &Event<'_>,
    format: impl FnOnce(&Event<'_>, TraceId, &Common) -> String,
) -> Option<String>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    if event.metadata().target() != ACCESS_TARGET || context.event_scope().is_some() {
        return None;
    }
    scope::with(|scope| scope.map(|scope| format(event, scope.trace.trace_id, &scope.label.common)))
}

/// The trace of the running request, or of the innermost span that has one, otherwise the trace of the process.
fn trace_of<S, N>(context: &FmtContext<'_, S, N>) -> TraceContext
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    if let Some(trace) = scope::trace() {
        return trace;
    }
    context
        .event_scope()
        .and_then(|mut scope| scope.find_map(|span| span.extensions().get::<TraceContext>().copied()))
        .unwrap_or_else(TraceContext::process)
}

/// Collects an event's fields as JSON values.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.set(field, crate::chain(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}"));
    }
}
