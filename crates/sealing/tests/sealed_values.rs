//! A sealed value can be opened only with its own key, and only unaltered.
#![expect(clippy::unwrap_used, reason = "a test panics where it finds the unexpected")]

use proptest::prelude::*;
use sealing::{
    KeyFileError, KeyName, OpenError, OpeningKey, OwnKey, Sealed, SealedTextError, SealingKey, WeakPassword,
};
use secrecy::ExposeSecret as _;

fn key(name: &str) -> OpeningKey {
    OpeningKey::generate(name.parse().unwrap())
}

fn open(key: &OpeningKey, text: &str) -> Result<String, OpenError> {
    let sealed: Sealed = text.parse().unwrap();
    key.open(&sealed).map(|opened| opened.expose_secret().to_owned())
}

#[test]
fn the_text_form_names_the_key_and_hides_the_value() {
    let key = key("dalkom-1");

    let text = key.sealing_key().seal("hunter2").unwrap().to_string();

    assert!(text.starts_with("{cipher}{key:dalkom-1}"), "{text}");
    assert!(Sealed::is_marked(&text));
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(open(&key, &text).unwrap(), "hunter2");
}

#[test]
fn one_value_sealed_twice_looks_different() {
    let sealing = key("k").sealing_key();

    assert_ne!(sealing.seal("same").unwrap(), sealing.seal("same").unwrap());
}

#[test]
fn another_key_of_the_same_name_does_not_open_it() {
    let text = key("k").sealing_key().seal("hunter2").unwrap().to_string();

    assert!(matches!(open(&key("k"), &text), Err(OpenError::NotAuthentic(_))));
}

#[test]
fn a_value_of_another_key_is_not_even_tried() {
    let text = key("old").sealing_key().seal("hunter2").unwrap().to_string();

    let error = open(&key("new"), &text).unwrap_err();

    assert_eq!(error.to_string(), "it was sealed with the key `old` and not with `new`");
}

/// The name is authenticated: with another name in the text, the value can't be opened.
#[test]
fn the_name_of_the_key_can_not_be_swapped() {
    let first = key("first");
    let renamed: OpeningKey = first.to_text().expose_secret().replace(" first ", " second ").parse().unwrap();
    let text = first.sealing_key().seal("hunter2").unwrap().to_string();

    let swapped = text.replace("{key:first}", "{key:second}");

    assert!(matches!(open(&renamed, &swapped), Err(OpenError::NotAuthentic(_))));
    assert_eq!(open(&first, &text).unwrap(), "hunter2");
}

#[test]
fn a_text_that_is_not_a_sealed_value_is_refused() {
    assert!(!Sealed::is_marked("plain"));
    assert!(matches!("plain".parse::<Sealed>(), Err(SealedTextError::Unmarked)));
    assert!(matches!("{cipher}AAAA".parse::<Sealed>(), Err(SealedTextError::NoKeyName)));
    assert!(matches!("{cipher}{key:a b}AAAA".parse::<Sealed>(), Err(SealedTextError::KeyName(_))));
    assert!(matches!("{cipher}{key:k}*".parse::<Sealed>(), Err(SealedTextError::Base64(_))));
}

#[test]
fn keys_are_read_back_from_their_text_form() {
    let private = key("dalkom-1");
    let public: SealingKey = private.sealing_key().to_string().parse().unwrap();
    let read: OpeningKey = private.to_text().expose_secret().parse().unwrap();

    let text = public.seal("hunter2").unwrap().to_string();

    assert_eq!(open(&read, &text).unwrap(), "hunter2");
}

#[test]
fn a_public_key_is_not_taken_for_a_private_one() {
    let private = key("k");

    assert!(private.sealing_key().to_string().parse::<OpeningKey>().is_err());
    assert!(private.to_text().expose_secret().parse::<SealingKey>().is_err());
    assert!("dalkom-public-key k AAAA".parse::<SealingKey>().is_err());
}

#[test]
fn names_of_keys_are_plain() {
    for name in ["a", "dalkom-1", "2026.11_x", &"k".repeat(64)] {
        assert_eq!(name.parse::<KeyName>().unwrap().as_str(), name);
    }
    for name in ["", "a b", "a}", "열쇠", "a/b", &"k".repeat(65)] {
        assert!(name.parse::<KeyName>().is_err(), "{name}");
    }
}

#[test]
fn a_private_key_is_written_for_its_owner_only_and_never_over_another() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sealing.key");
    let first = key("k");
    first.write_new(&file).unwrap();

    let second = key("k").write_new(&file);

    assert!(matches!(second, Err(KeyFileError::Write { .. })));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(OpeningKey::read(&file).unwrap().sealing_key(), first.sealing_key());
}

#[test]
fn a_private_key_is_not_printed() {
    let key = key("k");
    let text = key.to_text();
    let secret = text.expose_secret().split(' ').next_back().unwrap().to_owned();

    assert!(!format!("{key:?} {text:?}").contains(&secret));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_text_opens_as_it_was_sealed(value in "\\PC*|(.|\n)*") {
        let key = key("k");

        let text = key.sealing_key().seal(&value).unwrap().to_string();

        prop_assert_eq!(open(&key, &text).unwrap(), value);
    }

    /// Flips one bit anywhere in the message: the encapsulated key, the ciphertext or the tag.
    #[test]
    fn an_altered_value_does_not_open(value in "\\PC{0,40}", position in any::<prop::sample::Index>(), bit in 0_u8..8) {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;

        let key = key("k");
        let text = key.sealing_key().seal(&value).unwrap().to_string();
        let encoded = text.strip_prefix("{cipher}{key:k}").unwrap();
        let mut message = STANDARD.decode(encoded).unwrap();
        let position = position.index(message.len());
        message[position] ^= 1_u8 << bit;

        let altered = format!("{{cipher}}{{key:k}}{}", STANDARD.encode(&message));

        // The top bit of an X25519 public key is ignored in the exchange (RFC 7748), but HPKE binds the bytes.
        prop_assert!(matches!(open(&key, &altered), Err(OpenError::NotAuthentic(_))));
    }

    #[test]
    fn a_shortened_value_does_not_open(value in "\\PC{0,40}", kept in 0_usize..48) {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;

        let key = key("k");
        let text = key.sealing_key().seal(&value).unwrap().to_string();
        let message = STANDARD.decode(text.strip_prefix("{cipher}{key:k}").unwrap()).unwrap();

        let shortened = format!("{{cipher}}{{key:k}}{}", STANDARD.encode(&message[..kept.min(message.len() - 1)]));

        prop_assert!(matches!(open(&key, &shortened), Err(OpenError::NotAuthentic(_))));
    }

    #[test]
    fn no_text_makes_reading_panic(text in "(\\{cipher\\})?(\\{key:[a-z]*\\}?)?\\PC{0,20}") {
        let _ = text.parse::<Sealed>();
    }
}

#[test]
fn what_a_process_has_sealed_is_opened_by_the_same_password_about_the_same_thing_and_unaltered() {
    let key = |password: &str| OwnKey::from_password(&password.to_owned().into());
    let own = key("a password of many letters").unwrap();
    let sealed = own.seal(b"hunter2", b"the shop").unwrap();

    assert_eq!(&**own.open(&sealed, b"the shop").unwrap(), b"hunter2");
    assert_eq!(&**key("a password of many letters").unwrap().open(&sealed, b"the shop").unwrap(), b"hunter2");
    assert_eq!(sealed.len(), 7 + OwnKey::OVERHEAD_BYTES);
    assert!(!sealed.windows(7).any(|bytes| bytes == b"hunter2"));
    assert_ne!(own.seal(b"hunter2", b"the shop").unwrap(), sealed);
    assert!(own.open(&sealed, b"the bank").is_err());
    assert!(key("another password of letters").unwrap().open(&sealed, b"the shop").is_err());
    for at in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        assert!(own.open(&altered, b"the shop").is_err(), "{at}");
        assert!(own.open(&sealed[..at], b"the shop").is_err(), "{at}");
    }
    assert!(matches!(key("fifteen letters"), Err(WeakPassword)));
    assert!(!format!("{own:?}").contains("letters"));
}
