use std::fmt::Display;

use serde::{Deserialize, Deserializer};

/// Deserializes a string by a function that parses it. The message of its error becomes the message of the fault.
pub(super) fn deserialize_by<'de, D, T, E>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    E: Display,
{
    let text = String::deserialize(deserializer)?;
    parse(&text).map_err(serde::de::Error::custom)
}
