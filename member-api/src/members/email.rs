//! Rules: which email addresses are accepted, and when two are the same.

use std::fmt;

use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use visible_text::is_hidden;

/// An email address, trimmed and in lower case, so that two spellings of one address are equal. The part before the `@` is a
/// dot-atom of ASCII characters (RFC 5321), without quotes. The domain is a name of two or more labels; an international one is
/// kept in its ASCII form (`xn--…`).
///
/// Any text can be converted into it; `problem::Json` validates the email of a request. Before the `@`, only ASCII letters are
/// changed to lower case: other letters are not valid there, and some of them would become ASCII letters.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(from = "String")]
#[garde(transparent)]
#[schema(value_type = String, format = Email, min_length = 3, max_length = 254, example = "baker@example.com")]
pub struct Email(#[garde(length(max = MAX), custom(is_address))] String);

/// The longest address that a path of RFC 5321 (4.5.3.1.3) has room for.
const MAX: usize = 254;
/// The longest part before the `@` (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL: usize = 64;

impl Email {
    /// The normalised address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The rule of the email of somebody who signs in, for garde. An account from before a rule for new emails can still be named.
    pub fn can_be_known(&self, (): &()) -> garde::Result {
        if self.0.is_ascii() && self.0.contains('@') && self.0.len() <= MAX {
            Ok(())
        } else {
            Err(garde::Error::new("is not an email address"))
        }
    }
}

impl From<String> for Email {
    fn from(text: String) -> Self {
        let text = text.trim().to_ascii_lowercase();
        match text.rsplit_once('@') {
            // Converting would drop what can't be seen.
            Some((local, domain)) if !domain.is_ascii() && !domain.chars().any(is_hidden) => {
                match idna::domain_to_ascii_strict(domain) {
                    Ok(domain) => Self(format!("{local}@{domain}")),
                    Err(_) => Self(text),
                }
            }
            _ => Self(text),
        }
    }
}

fn is_address(text: &str, (): &()) -> garde::Result {
    let parts = text.rsplit_once('@');
    if parts.is_some_and(|(local, domain)| is_dot_atom(local) && is_domain(domain)) {
        Ok(())
    } else {
        Err(garde::Error::new("is not an email address"))
    }
}

fn is_dot_atom(local: &str) -> bool {
    let is_atom_character = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    let is_atom = |atom: &str| !atom.is_empty() && atom.bytes().all(is_atom_character);
    local.len() <= MAX_LOCAL && local.split('.').all(is_atom)
}

/// Whether it can be the name of a host that takes mail from everywhere. An address of four numbers is none: no top-level domain
/// is a number (RFC 3696, 2).
fn is_domain(domain: &str) -> bool {
    // It checks the labels, their hyphens and their lengths, also of names that are in their ASCII form.
    let is_host = idna::domain_to_ascii_strict(domain).is_ok_and(|ascii| ascii == domain);
    let last = domain.rsplit_once('.').map(|(_, last)| last);
    is_host && last.is_some_and(|last| !last.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Hides the address, so that it is not written to a log.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_good(text: &str) -> bool {
        Email::from(text.to_owned()).validate().is_ok()
    }

    #[test]
    fn it_is_trimmed_and_lower_cased() {
        assert_eq!(Email::from(" Baker@Example.COM\n".to_owned()).as_str(), "baker@example.com");
    }

    #[test]
    fn only_addresses_are_taken() {
        let long = format!("{}@{}.kr", "a".repeat(64), vec!["b".repeat(61); 3].join("."));
        assert_eq!(long.len(), 253);
        for good in [
            "a@b.kr",
            "first.last+cakes@shop.example.com",
            "O'Hara@example.com",
            "a@1.kr",
            "a@xn--bk1bx35c.kr",
            &long,
        ] {
            assert!(is_good(good), "{good}");
        }
        let too_long = format!("{}@{}.com", "a".repeat(64), "b.".repeat(93));
        for bad in [
            "",
            "a",
            "a@",
            "@b.kr",
            "a b@c.kr",
            "a@b..kr",
            "달콤@example.com",
            "\u{212a}im@example.com",
            &too_long,
            &format!("{}@b.kr", "a".repeat(65)),
            &format!("a@{}.kr", "b".repeat(64)),
            ".a@b.kr",
            "a.@b.kr",
            "a..b@b.kr",
            ".@b.kr",
            "\"a b\"@c.kr",
            "\"a\"@c.kr",
            "a(b)@c.kr",
            "a,b@c.kr",
            "a@b@c.kr",
            "a@b",
            "a@localhost",
            "a@.kr",
            "a@b.kr.",
            "a@-b.kr",
            "a@b-.kr",
            "a@b_c.kr",
            "a@1.2.3.4",
            "a@[1.2.3.4]",
            "a@b.kr:25",
            "a@b.kr/c",
            "a@b\u{202E}.kr",
            "a\u{200B}@b.kr",
            "a@\u{202E}달콤.kr",
            "a@달\u{200B}콤.kr",
            "a@exa\u{AD}mple.kr",
            "a@달 콤.kr",
            "a\u{0}@b.kr",
            "a@xn--a.kr",
        ] {
            assert!(!is_good(bad), "{bad}");
        }
    }

    #[test]
    fn an_international_domain_is_kept_in_its_ascii_form() {
        for written in
            ["baker@달콤.한국", "BAKER@\u{1103}\u{1161}\u{11AF}콤.한국", "baker@xn--bk1bx35c.xn--3e0b707e"]
        {
            let email = Email::from(written.to_owned());
            assert!(email.validate().is_ok(), "{written}");
            assert_eq!(email, Email::from("baker@달콤。한국".to_owned()), "{written}");
            assert!(
                email.as_str().is_ascii() && email.as_str().starts_with("baker@xn--"),
                "{email}",
                email = email.as_str()
            );
        }
        // Its ASCII form is longer than what RFC 5321 has room for.
        assert!(!is_good(&format!("a@{}.kr", vec!["달콤한가게이름"; 20].join("."))));
    }

    #[test]
    fn it_is_not_written_to_logs() {
        assert!(!format!("{:?}", Email::from("baker@example.com".to_owned())).contains("baker"));
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in "\\PC{0,40}") {
            let once = Email::from(text);
            prop_assert_eq!(Email::from(once.as_str().to_owned()), once);
        }

        #[test]
        fn what_is_taken_is_ascii_and_fits(text in "[a-z.@가-힣\u{202E}-]{0,12}@[a-z가-힣.0-9-]{1,12}|\\PC{0,10}@\\PC{0,20}") {
            let email = Email::from(text);
            if email.validate().is_ok() {
                prop_assert!(email.as_str().is_ascii() && email.as_str().len() <= MAX);
                prop_assert!(!email.as_str().contains(".."));
                prop_assert_eq!(Email::from(email.as_str().to_owned()), email);
            }
        }
    }
}
