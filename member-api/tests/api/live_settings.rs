//! What changes while the process runs: the keys and lifetimes of tokens, and how guessing is slowed down.

use access::{MemberId, Principal, Role, SigningKey, UserKeys};
use clock::Clock;
use garde::Validate;
use member_api::sessions::tokens::Tokens;
use member_api::settings;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::json;
use service_host::Live;
use service_host::live::{self, LiveCells};
use uuid::Uuid;

use crate::world::access_settings;

#[derive(Deserialize, Validate)]
struct Sections {
    #[garde(dive)]
    tokens: Live<settings::Tokens>,
}

/// The section `tokens` with these keys.
fn sections(keys: &[&str], lifetime_s: u64) -> (Sections, LiveCells) {
    let mut source = serde_json::Map::new();
    for (index, key) in keys.iter().enumerate() {
        source.insert(format!("tokens.signing-keys[{index}]"), json!(key));
    }
    source.insert("tokens.access-lifetime-s".to_owned(), json!(lifetime_s));
    let environment = json!({
        "name": "member-api", "profiles": ["default"],
        "propertySources": [{"name": "test", "source": source}],
    });
    let environment = serde_json::from_value(environment).unwrap();
    let tree = ::settings::Tree::from_environment(&environment).unwrap();
    let (sections, cells) = live::collect(|| tree.finish());
    (sections.unwrap(), cells)
}

fn key() -> String {
    SigningKey::generate().unwrap().expose_secret().to_owned()
}

#[tokio::test]
async fn new_keys_sign_at_once_old_tokens_stay_valid_and_a_broken_key_is_refused() {
    let (old, new) = (key(), key());
    let clock = Clock::system();
    let access = access_settings("dalkom");
    let verifier = UserKeys::new("https://dalkom.test", "dalkom", clock.clone());
    let (running, cells) = sections(&[&old], 900);
    let tokens = Tokens::new(&running.tokens, &access, clock).unwrap();
    tokens.publish(verifier.clone());
    let member = Principal {
        member_id: MemberId(Uuid::from_u128(1)),
        role: Role::Customer,
        session_id: Uuid::from_u128(2),
    };
    let before = tokens.sign(&member).unwrap();
    let changed = ["tokens.signing-keys[0]".to_owned(), "tokens.access-lifetime-s".to_owned()];

    let (_, broken) = sections(&["AAAA", &old], 60);
    let refused = cells.prepare(&broken, &changed).await.unwrap_err();
    assert!(refused.to_string().contains("tokens.signing-keys[0]"), "{refused}");
    assert_eq!(tokens.access_lifetime().as_secs(), 900);

    let (_, rotated) = sections(&[&new, &old], 60);
    cells.prepare(&rotated, &changed).await.unwrap().commit();

    let after = tokens.sign(&member).unwrap();
    assert_eq!((tokens.access_lifetime().as_secs(), tokens.jwks().keys.len()), (60, 2));
    let kid = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid;
    assert_ne!(kid(&before), kid(&after));
    for token in [&before, &after] {
        assert!(verifier.verify(token).await.is_ok(), "{token}");
    }
}
