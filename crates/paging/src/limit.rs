use serde::de::Error;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

/// How many items a page has: 1 to 100, and 20 if the client does not set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = u32, minimum = 1, maximum = 100, default = 20)]
pub struct Limit(u32);

impl Limit {
    /// The most items that a page has.
    pub const MAX: u32 = 100;

    /// The bare number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// How many rows to fetch: one more than is shown. The additional one tells whether there is a next page.
    pub const fn rows_to_fetch(self) -> u32 {
        self.0 + 1
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        match text.parse() {
            Ok(limit @ 1..=Self::MAX) => Ok(Self(limit)),
            _ => Err(D::Error::custom("limit is a whole number from 1 to 100")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_from_1_to_100() {
        let read = |text: &str| serde_json::from_value::<Limit>(text.into()).map(Limit::get).ok();
        assert_eq!([read("1"), read("100"), read("020")], [Some(1), Some(100), Some(20)]);
        assert_eq!([read("0"), read("101"), read("-1"), read("x"), read("")], [None; 5]);
        assert_eq!(Limit::default().rows_to_fetch(), 21);
    }
}
