//! Members of a `PATCH` body.

use serde::{Deserialize, Deserializer};

/// A member that may be missing, which with `#[serde(default)]` is `None`, and that may not be null.
pub(super) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}
