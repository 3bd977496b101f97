//! The W3C trace context: its header, and where it is kept during work.
//!
//! Format: <https://www.w3.org/TR/trace-context/#traceparent-header>.

use std::fmt;
use std::sync::OnceLock;

use http::{HeaderMap, HeaderName, HeaderValue};
use tracing::Span;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan;

/// The header that carries a trace context from one process to the next.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The target of the spans that carry a trace context. The log filter always enables it, so that every line has its trace id
/// whatever the filter is.
pub(crate) const SPAN_TARGET: &str = "trace";

/// The id of one piece of work in all processes that take part in it. It is shown as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

/// The id of one process's part of a trace. It is shown as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(u64);

/// The trace that the current work belongs to, and its part of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace, the same in every process.
    pub trace_id: TraceId,
    /// This process's part of it.
    pub span_id: SpanId,
}

impl TraceContext {
    /// A trace that begins here.
    pub fn root() -> Self {
        Self { trace_id: TraceId(random_nonzero()), span_id: SpanId::random() }
    }

    /// The trace of this process itself. Work outside of any span belongs to it.
    pub fn process() -> Self {
        static PROCESS: OnceLock<TraceContext> = OnceLock::new();
        *PROCESS.get_or_init(Self::root)
    }

    /// A new part of the same trace.
    #[must_use]
    pub fn child(self) -> Self {
        Self { trace_id: self.trace_id, span_id: SpanId::random() }
    }

    /// The trace that the caller names in `traceparent`. `None` if the header is missing or malformed.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        Self::parse(headers.get(TRACEPARENT)?.to_str().ok()?)
    }

    /// The value of the `traceparent` header.
    #[expect(clippy::missing_panics_doc, reason = "hexadecimal digits and dashes are always a header value")]
    pub fn header_value(self) -> HeaderValue {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-01";
        text[3..35].copy_from_slice(&digits::<32>(self.trace_id.0));
        text[36..52].copy_from_slice(&digits::<16>(self.span_id.0.into()));
        HeaderValue::from_bytes(&text).expect("hexadecimal digits and dashes are visible ASCII")
    }

    /// Keeps this context in `span`, where [`TraceContext::current`] and the log find it.
    pub(crate) fn attach_to(self, span: &Span) {
        span.with_subscriber(|(id, dispatch)| {
            let span = dispatch.downcast_ref::<Registry>().and_then(|registry| registry.span(id));
            if let Some(span) = span {
                span.extensions_mut().replace(self);
            }
        });
    }

    fn parse(value: &str) -> Option<Self> {
        let mut parts = value.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // Version ff is forbidden; version 00 has exactly four parts, and later ones may add more.
        let known_length = version != "00" || parts.next().is_none();
        let version = hex(version, 2)?;
        hex(flags, 2)?;
        let (trace, span) = (hex(trace, 32)?, u64::try_from(hex(span, 16)?).ok()?);
        (version != 0xff && known_length && trace != 0 && span != 0)
            .then_some(Self { trace_id: TraceId(trace), span_id: SpanId(span) })
    }
}

/// Writes the current trace into `headers`, for a call to another process. Outside of any span it is the trace of the process.
pub fn inject(headers: &mut HeaderMap) {
    let context = TraceContext::current().unwrap_or_else(TraceContext::process);
    headers.insert(TRACEPARENT, context.header_value());
}

/// A span with a new trace, for work outside of requests: a round of a worker, a scheduled job.
pub fn work_span(work: &str) -> Span {
    let span = tracing::error_span!(target: SPAN_TARGET, parent: None, "work", work);
    TraceContext::root().attach_to(&span);
    span
}

impl SpanId {
    fn random() -> Self {
        Self(random_nonzero())
    }
}

/// In the format of the header, all zeros mean that there is no id.
fn random_nonzero<T: Default + PartialEq>() -> T
where
    rand::distr::StandardUniform: rand::distr::Distribution<T>,
{
    loop {
        let id = rand::random::<T>();
        if id != T::default() {
            return id;
        }
    }
}

/// Exactly `digits` hexadecimal digits in lower case, which the format demands.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let well_formed = text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if well_formed { u128::from_str_radix(text, 16).ok() } else { None }
}

/// The last `N` hexadecimal digits of a number. It is done for each request, and the formatting of the standard library takes
/// several times as long.
fn digits<const N: usize>(number: u128) -> [u8; N] {
    let mut text = [b'0'; N];
    for (pair, byte) in text.rchunks_exact_mut(2).zip(number.to_le_bytes()) {
        pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
        pair[1] = b"0123456789abcdef"[usize::from(byte & 0xf)];
    }
    text
}

/// Digits, as text.
struct Digits([u8; 32]);

impl std::ops::Deref for Digits {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl TraceId {
    /// Its 32 digits.
    pub(crate) fn as_text(self) -> impl std::ops::Deref<Target = str> {
        Digits(digits::<32>(self.0))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.as_text())
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_header_is_read_and_written_alike() {
        let context = TraceContext::parse(EXAMPLE).unwrap();
        assert_eq!(context.trace_id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.header_value(), EXAMPLE);
        assert_eq!(
            TraceContext::parse(context.child().header_value().to_str().unwrap()).unwrap().trace_id,
            context.trace_id
        );
    }

    #[test]
    fn a_malformed_header_gives_no_trace() {
        let malformed = [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ];
        for header in malformed {
            assert_eq!(TraceContext::parse(header), None, "{header}");
        }
    }

    #[test]
    fn a_later_version_may_have_more_parts() {
        let later = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more";
        assert!(TraceContext::parse(later).is_some());
    }
}
