//! What is in a snapshot: three parts, of which the first two are lines of text.
//!
//! ```text
//! dalkom-settings-snapshot 1
//! {"application":"shop","profiles":"default","label":null,"bytes":1234}
//! the sealed answer of the server, with its tag and the time at which it came
//! ```
//!
//! The two lines are authenticated with the sealed part. So a snapshot of one application is not accepted for another one, also
//! if both have the same password.

use std::fmt;
use std::path::Path;

use sealing::OwnKey;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::error::SnapshotError;

const FORMAT: &str = "dalkom-settings-snapshot 1";

/// Whose settings they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Owner {
    pub(crate) application: String,
    pub(crate) profiles: String,
    pub(crate) label: Option<String>,
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` with the profiles `{}`", self.application, self.profiles)?;
        match &self.label {
            Some(label) => write!(formatter, " and the label `{label}`"),
            None => Ok(()),
        }
    }
}

/// An answer of a config server, and when it came.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) received: OffsetDateTime,
    pub(crate) tag: Option<String>,
    /// The answer as it came.
    pub(crate) body: Vec<u8>,
}

/// Shows nothing of the settings.
impl fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Snapshot").field("received", &self.received).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Head {
    #[serde(flatten)]
    owner: Owner,
    /// The length of the sealed part.
    bytes: usize,
}

/// The first line in the sealed part. The body follows.
#[derive(Serialize, Deserialize)]
struct Received {
    unix_ms: i64,
    tag: Option<String>,
}

impl Snapshot {
    /// The content of a file.
    pub(super) fn seal(&self, owner: &Owner, key: &OwnKey, path: &Path) -> Result<Vec<u8>, SnapshotError> {
        let unix_ms = unix_ms(self.received);
        let received = serde_json::to_vec(&Received { unix_ms, tag: self.tag.clone() });
        let mut content = received.map_err(|_| SnapshotError::Content(path.to_owned()))?;
        content.push(b'\n');
        content.extend_from_slice(&self.body);
        let cannot = |source| SnapshotError::Sealed { path: path.to_owned(), source };
        let head = head(owner, content.len() + OwnKey::OVERHEAD_BYTES, path)?;
        let sealed = key.seal(&content, head.as_bytes()).map_err(cannot)?;
        Ok([head.as_bytes(), &sealed].concat())
    }

    /// Reads the content of a file.
    pub(super) fn open(
        file: &[u8],
        wanted: &Owner,
        key: &OwnKey,
        path: &Path,
    ) -> Result<Self, SnapshotError> {
        let unknown = || SnapshotError::Unknown(path.to_owned());
        let format = [FORMAT.as_bytes(), b"\n"].concat();
        let rest = file.strip_prefix(&*format).ok_or_else(unknown)?;
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(|| {
            // A file of ours that ends in its second line.
            SnapshotError::Truncated(path.to_owned())
        })?;
        let (line, sealed) = (&rest[..end], &rest[end + 1..]);
        let Head { owner, bytes } = serde_json::from_slice(line).map_err(|_| unknown())?;
        if owner != *wanted {
            let (owner, wanted) = (owner.to_string(), wanted.to_string());
            return Err(SnapshotError::Foreign { path: path.to_owned(), owner, wanted });
        }
        if sealed.len() != bytes {
            return Err(SnapshotError::Truncated(path.to_owned()));
        }
        let about = &file[..=format.len() + end];
        let content = key.open(sealed, about);
        let content = content.map_err(|source| SnapshotError::Sealed { path: path.to_owned(), source })?;
        let not_known = || SnapshotError::Content(path.to_owned());
        let end = content.iter().position(|byte| *byte == b'\n').ok_or_else(not_known)?;
        let Received { unix_ms, tag } = serde_json::from_slice(&content[..end]).map_err(|_| not_known())?;
        let received = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000);
        let received = received.map_err(|_| not_known())?;
        Ok(Self { received, tag, body: content[end + 1..].to_vec() })
    }
}

fn head(owner: &Owner, bytes: usize, path: &Path) -> Result<String, SnapshotError> {
    let head = serde_json::to_string(&Head { owner: owner.clone(), bytes });
    let head = head.map_err(|_| SnapshotError::Content(path.to_owned()))?;
    Ok(format!("{FORMAT}\n{head}\n"))
}

fn unix_ms(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}
