//! Members of a `PATCH` body.

use serde::{Deserialize, Deserializer};

/// What becomes of something that may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is there no longer.
    Remove,
    /// It is this now.
    To(T),
}

/// A member of a `PATCH` body: null removes. With `#[serde(default)]`, a missing member keeps.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|value| value.map_or(Self::Remove, Self::To))
    }
}

/// A member that may be missing, which with `#[serde(default)]` is `None`, and that may not be null.
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}
