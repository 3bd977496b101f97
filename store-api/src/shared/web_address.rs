//! Rules: which web addresses are accepted.

use serde::{Deserialize, Deserializer};
use url::Url;
use utoipa::ToSchema;

use super::Patch;
use super::deserialize::deserialize_by;

/// The `http` or `https` address of a picture or a page, without the name of an account.
///
/// It is kept in its normal form, of at most 500 ASCII characters: an international host as `xn--…`, other letters in percent
/// signs. Dalkom stores it and shows it, but never fetches it.
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
    /// What is typed is not parsed if it is longer than this.
    const MAX_TYPED: usize = 4 * Self::MAX;

    /// Reads an address, and normalises it.
    pub fn parse(text: &str) -> Result<Self, WebAddressFault> {
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        // The parser of web pages, which this is, drops line breaks, and reads `\` and missing slashes as people mean them.
        if text.len() > Self::MAX_TYPED || text.chars().any(|c| c == '\\' || visible_text::is_hidden(c)) {
            return Err(WebAddressFault);
        }
        let (scheme, rest) = text.split_once("://").ok_or(WebAddressFault)?;
        let is_web = ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // An account name before the host can make an address look like that of another host.
        if !is_web || authority.is_empty() || authority.contains('@') {
            return Err(WebAddressFault);
        }
        let url = Url::parse(text).map_err(|_| WebAddressFault)?;
        if url.port() == Some(0) || url.as_str().len() > Self::MAX || url.domain().is_some_and(is_no_host) {
            return Err(WebAddressFault);
        }
        Ok(Self(url.into()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether no host can have this name (RFC 1123, 2.1, and RFC 1035, 2.3.4). The parser of web pages takes such names.
fn is_no_host(name: &str) -> bool {
    let is_label =
        |label: &str| matches!(label.len(), 1..=63) && !label.starts_with('-') && !label.ends_with('-');
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() > 253 || !name.split('.').all(is_label)
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn web_addresses_are_kept_in_their_normal_form() {
        for (typed, kept) in [
            ("https://img.example.com/cake.jpg?w=200", "https://img.example.com/cake.jpg?w=200"),
            ("https://example.com", "https://example.com/"),
            (" HTTPS://Example.COM:443/A#b ", "https://example.com/A#b"),
            ("http://example.com:8080/", "http://example.com:8080/"),
            ("https://달콤.한국/케이크", "https://xn--bk1bx35c.xn--3e0b707e/%EC%BC%80%EC%9D%B4%ED%81%AC"),
            ("https://xn--bk1bx35c.xn--3e0b707e/", "https://xn--bk1bx35c.xn--3e0b707e/"),
            ("https://bücher.example/", "https://xn--bcher-kva.example/"),
            ("https://example.com/a/../b", "https://example.com/b"),
            ("https://example.com/@baker", "https://example.com/@baker"),
            ("https://example.com?a=b@c", "https://example.com/?a=b@c"),
            ("https://[2001:db8::1]/", "https://[2001:db8::1]/"),
            ("https://example.com./a", "https://example.com./a"),
            ("https://example.com/🍰", "https://example.com/%F0%9F%8D%B0"),
        ] {
            assert_eq!(WebAddress::parse(typed).unwrap().as_str(), kept, "{typed}");
        }
        let longest = format!("https://example.com/{}", "a".repeat(480));
        assert_eq!(WebAddress::parse(&longest).unwrap().as_str(), longest);
    }

    #[test]
    fn only_web_addresses_are_taken() {
        let long = format!("https://example.com/{}", "a".repeat(481));
        let long_when_normalised = format!("https://example.com/{}", "가".repeat(54));
        for wrong in [
            "",
            "cake.jpg",
            "//example.com/a",
            "javascript:alert(1)",
            "javascript://example.com/%0Aalert(1)",
            "data:text/html,a",
            "ftp://a/b",
            "file:///etc/passwd",
            "https://",
            "https:///a",
            "https:example.com",
            "https:/example.com",
            "https:\\\\example.com",
            "https://example.com\\@evil.example/",
            "https://bank@evil/",
            "https://bank:pin@evil/",
            "https://@evil/",
            "https://:80/",
            &long,
            &long_when_normalised,
            "https://a b/",
            "https://example.com/a b",
            "https://example.com/a\tb",
            "https://exam\nple.com/",
            "https://example.com:99999/",
            "https://example.com:0/",
            "https://example.com:port/",
            "https://example.com/\u{202E}gpj.exe",
            "https://exa\u{202E}mple.com/",
            "https://exa\u{200B}mple.com/",
            "https://exa\u{AD}mple.com/",
            "https://example.com/\u{3164}",
            "https://example.com/\u{2028}",
            "https://example.com/\0",
            "https://example.com/\u{E0041}",
            "https://1.2.3.256/",
            "https://[::1/",
            "https://xn--a/",
            "https://.example/",
            "https://a..b/",
            "https://a../",
            "https://-a.example/",
            "https://a-.example/",
            &format!("https://{}.example/", "a".repeat(64)),
            &format!("https://{}example/", "a.".repeat(127)),
        ] {
            assert_eq!(WebAddress::parse(wrong), Err(WebAddressFault), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_plain_and_stays_as_it_is(text in "\\p{Any}{0,40}", rest in "[a-z가-힣./:@?#%\\\\ -]{0,30}\\p{Any}{0,5}") {
            for text in [text.clone(), format!("https://{text}"), format!("http://{rest}")] {
                if let Ok(address) = WebAddress::parse(&text) {
                    prop_assert!(address.as_str().bytes().all(|byte| byte.is_ascii_graphic()), "{address:?}");
                    prop_assert!(address.as_str().len() <= WebAddress::MAX);
                    prop_assert_eq!(WebAddress::parse(address.as_str()), Ok(address));
                }
            }
        }
    }
}
