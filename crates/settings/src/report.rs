//! What a process tells the config server about the versions of its settings, in a header of each request for changes.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::error::Fault;

/// The header with the report.
pub const HEADER: &str = "dalkom-settings";

/// A header is not longer. Long lists are cut.
const MAX_BYTES: usize = 4 * 1024;
/// How many faults and keys are told.
const MAX_ENTRIES: usize = 8;
/// How many characters of a key or a text are told.
const MAX_CHARS: usize = 160;
/// How many characters of a name or a version are told.
const NAME_MAX_CHARS: usize = 64;

/// The state of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Which process this is.
    pub instance: String,
    /// The version that it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<String>,
    /// The version that it has refused since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
    /// The keys of its version that take effect when it starts again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restart_pending: Vec<String>,
}

/// A version that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

impl Report {
    /// The report as the value of a header: JSON in ASCII.
    pub fn to_header(&self) -> String {
        let mut short = self.clone();
        short.instance = cut(&short.instance, NAME_MAX_CHARS);
        short.applied = short.applied.map(|version| cut(&version, NAME_MAX_CHARS));
        short.restart_pending =
            short.restart_pending.iter().take(MAX_ENTRIES).map(|key| cut(key, MAX_CHARS)).collect();
        if let Some(refused) = &mut short.refused {
            refused.version = refused.version.take().map(|version| cut(&version, NAME_MAX_CHARS));
            refused.faults.truncate(MAX_ENTRIES);
            for fault in &mut refused.faults {
                *fault = Fault {
                    key: cut(&fault.key, MAX_CHARS),
                    problem: cut(&fault.problem, MAX_CHARS),
                    origin: fault.origin.as_deref().map(|origin| cut(origin, MAX_CHARS)),
                };
            }
        }
        loop {
            let header = ascii(&serde_json::to_string(&short).unwrap_or_default());
            let faults = short.refused.as_mut().map(|refused| &mut refused.faults);
            if header.len() <= MAX_BYTES {
                return header;
            }
            // The entries are short, so without them the header is short enough.
            if short.restart_pending.pop().is_none() && faults.and_then(Vec::pop).is_none() {
                return String::new();
            }
        }
    }

    /// Reads the value of a header. `None` if it is no report.
    pub fn from_header(header: &[u8]) -> Option<Self> {
        if header.len() > MAX_BYTES {
            return None;
        }
        let report: Self = serde_json::from_slice(header).ok()?;
        Some(report).filter(|report| !report.instance.is_empty())
    }
}

fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

/// Writes other characters as JSON's escapes. They stand only in texts.
fn ascii(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for char in json.chars() {
        if (' '..='~').contains(&char) {
            ascii.push(char);
        } else {
            for unit in char.encode_utf16(&mut [0; 2]) {
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        Fault { key: text.to_owned(), problem: text.to_owned(), origin: Some(text.to_owned()) }
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let report = Report {
            instance: "member-api-127.0.0.1-8090".to_owned(),
            applied: Some("1f".to_owned()),
            refused: Some(Refused {
                version: Some("2e".to_owned()), faults: vec![fault("값 \u{7f}\n😀")]
            }),
            restart_pending: vec!["server.address".to_owned()],
        };

        let header = report.to_header();

        assert!(header.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{header}");
        assert_eq!(Report::from_header(header.as_bytes()), Some(report));
    }

    #[test]
    fn a_report_of_anything_is_short() {
        let long = "😀\u{0}".repeat(10_000);
        let report = Report {
            instance: long.clone(),
            applied: Some(long.clone()),
            refused: Some(Refused { version: Some(long.clone()), faults: vec![fault(&long); 1_000] }),
            restart_pending: vec![long; 1_000],
        };

        let header = report.to_header();

        assert!(header.len() <= MAX_BYTES, "{}", header.len());
        assert_ne!(Report::from_header(header.as_bytes()), None);
    }

    #[test]
    fn what_is_no_report_is_passed_over() {
        let long = format!("{{\"instance\": \"{}\"}}", "a".repeat(MAX_BYTES));
        for other in ["", "x", "{}", "{\"instance\": \"\"}", "[1]", &long, &"[".repeat(4_000)] {
            assert_eq!(Report::from_header(other.as_bytes()), None, "{other}");
        }
    }
}
