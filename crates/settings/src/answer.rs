//! What a config server answers, and what tells one answer from another.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use reqwest::header::HeaderValue;

use crate::environment::Environment;
use crate::snapshot::Snapshot;

/// The settings that a server has sent.
pub(crate) struct Answer {
    pub(crate) environment: Environment,
    pub(crate) mark: Mark,
    /// The answer as it came. It is kept in the snapshot if there is one.
    pub(crate) received: Snapshot,
    /// Whether it is from a snapshot, and not from a server.
    pub(crate) is_kept: bool,
}

/// Tells one answer from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) tag: Option<HeaderValue>,
    /// A server without tags sends everything again.
    digest: u64,
}

impl Mark {
    fn new(tag: Option<HeaderValue>, body: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        Self { tag, digest: hasher.finish() }
    }
}

impl Answer {
    pub(crate) fn new(received: Snapshot) -> Result<Self, serde_json::Error> {
        let tag = received.tag.as_deref().and_then(|tag| HeaderValue::from_str(tag).ok());
        let mark = Mark::new(tag, &received.body);
        let environment = serde_json::from_slice(&received.body)?;
        Ok(Self { environment, mark, received, is_kept: false })
    }
}

/// What a server answers.
pub(crate) enum Asked {
    Settings(Box<Answer>),
    /// They are those that the client has.
    NotModified {
        /// Whether the server has waited for a change, as the client has asked it to.
        has_waited: bool,
    },
}
