//! A start with a snapshot.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch;

/// A start with the settings of a snapshot. It is over when the config server has said that they are the current ones, or others
/// have taken effect.
#[derive(Clone, Debug)]
pub struct SnapshotUse {
    received: OffsetDateTime,
    is_over: Arc<watch::Sender<bool>>,
}

impl SnapshotUse {
    pub(crate) fn begin(received: OffsetDateTime) -> Self {
        Self { received, is_over: Arc::new(watch::Sender::new(false)) }
    }

    pub(crate) fn end(&self) {
        self.is_over.send_replace(true);
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        *self.is_over.borrow()
    }

    /// Waits until it is over.
    pub async fn over(&self) {
        // The sender lives as long as this.
        let _ = self.is_over.subscribe().wait_for(|is_over| *is_over).await;
    }
}

/// As `{"received": "2026-11-29T04:00:00Z"}`.
impl Serialize for SnapshotUse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown {
            received: String,
        }
        Shown { received: shown(self.received) }.serialize(serializer)
    }
}

/// A time in whole seconds, as people and programs read it.
pub(crate) fn shown(time: OffsetDateTime) -> String {
    let seconds = time.replace_nanosecond(0).unwrap_or(time);
    seconds.format(&Rfc3339).unwrap_or_default()
}
