//! Rules: which web addresses are accepted.

use http::Uri;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::Patch;
use super::deserialize::deserialize_by;

/// The `http` or `https` address of a picture or a page, of at most 500 characters.
///
/// Dalkom stores it and shows it, but never fetches it.
#[derive(Clone, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = "uri", max_length = 500, example = "https://img.example.com/cake.jpg")]
pub struct WebAddress(String);

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an http or https address of at most {} characters", WebAddress::MAX)]
pub struct WebAddressFault;

impl WebAddress {
    /// The most characters.
    pub const MAX: usize = 500;

    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, WebAddressFault> {
        let uri: Uri = text.parse().map_err(|_| WebAddressFault)?;
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        // An account name before the host can make an address look like that of another host.
        let has_account = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        if text.chars().count() > Self::MAX || !is_web || !has_host || has_account {
            return Err(WebAddressFault);
        }
        Ok(Self(text.to_owned()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Patch<WebAddress> {
    /// Changes a stored address.
    pub(crate) fn apply(&self, address: &mut Option<String>) {
        match self {
            Self::Keep => {}
            Self::Remove => *address = None,
            Self::Set(new) => *address = Some(new.as_str().to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for WebAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_by(deserializer, Self::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_are_taken() {
        assert!(WebAddress::parse("https://img.example.com/cake.jpg?w=200").is_ok());
        let long = format!("https://example.com/{}", "a".repeat(500));
        for wrong in [
            "",
            "cake.jpg",
            "javascript:alert(1)",
            "ftp://a/b",
            "https://",
            "https://bank@evil/",
            &long,
            "https://a b/",
        ] {
            assert_eq!(WebAddress::parse(wrong), Err(WebAddressFault), "{wrong}");
        }
    }
}
