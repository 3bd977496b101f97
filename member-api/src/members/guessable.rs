//! Rules: passwords that are guessed first, and are refused (NIST SP 800-63B, 3.1.1.2).

/// A shorter part is in too many words.
const SHORTEST_ASCII_PART: usize = 3;
/// A Hangul syllable says more than a letter.
const SHORTEST_PART: usize = 2;

/// Whether it is one of the 100,000 most common passwords, whatever the case of its letters.
pub(super) fn is_common(password: &str) -> bool {
    use passwords::analyzer::is_common_password;
    is_common_password(password) || is_common_password(password.to_lowercase())
}

/// Whether no letter is left of a password without what its email and name consist of. Figures and signs are guessed along.
pub(super) fn is_made_of(password: &str, email: &str, name: &str) -> bool {
    let password = password.to_lowercase();
    let mut rest = password.clone();
    let mut parts = parts(&email.to_lowercase());
    parts.extend(self::parts(&name.to_lowercase()));
    parts.sort_unstable_by_key(|part| std::cmp::Reverse(part.len()));
    for part in parts {
        rest = rest.replace(&part, " ");
    }
    rest != password && !rest.chars().any(char::is_alphabetic)
}

/// A text as a whole, without its signs, and its words: between the `@`, dots, signs and spaces.
fn parts(text: &str) -> Vec<String> {
    let is_sign = |character: char| !character.is_alphanumeric();
    let sides = text.split('@').map(str::to_owned);
    let joined = text.split('@').map(|side| side.replace(is_sign, ""));
    let words = text.split(is_sign).map(str::to_owned);
    let all = std::iter::once(text.replace(is_sign, "")).chain(sides).chain(joined).chain(words);
    all.filter(|part| is_long_enough(part)).collect()
}

fn is_long_enough(part: &str) -> bool {
    let shortest = if part.is_ascii() { SHORTEST_ASCII_PART } else { SHORTEST_PART };
    part.chars().count() >= shortest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_most_common_passwords_are_known_in_every_case() {
        for common in ["12345678", "password", "Password", "PASSWORD1", "iloveyou", "qwertyuiop"] {
            assert!(is_common(common), "{common}");
        }
        for other in ["macaron-tower-7", "correct horse battery staple", "비밀번호여덟글자"] {
            assert!(!is_common(other), "{other}");
        }
    }

    #[test]
    fn a_password_of_the_email_and_the_name_is_found() {
        let is_made = |password| is_made_of(password, "kim.dalkom+cakes@sweet-shop.co.kr", "홍 길동");
        for made in [
            "kim.dalkom+cakes@sweet-shop.co.kr",
            "KimDalkom",
            "dalkom123!",
            "kimkimkim",
            "1234sweet-shop",
            "sweetshop1",
            "kim2026dalkom",
            "길동길동길동1",
            "cakes@sweet",
            "kim.dalkom+cakes",
        ] {
            assert!(is_made(made), "{made}");
        }
        for other in
            ["macaron-tower-7", "kim-loves-macaron", "8273649182", "shopping-list-4", "홍시홍시홍시홍시"]
        {
            assert!(!is_made(other), "{other}");
        }
        // Parts of one or two letters say nothing.
        assert!(!is_made_of("aaaaaaaa1", "a@example.com", "가"));
        assert!(!is_made_of("가가가가가가가가", "a@example.com", "가"));
    }

    proptest! {
        #[test]
        fn nothing_panics(password in any::<String>(), email in any::<String>(), name in any::<String>()) {
            is_made_of(&password, &email, &name);
        }
    }
}
