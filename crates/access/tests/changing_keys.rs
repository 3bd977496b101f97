//! A service changes its key while everything runs.
#![expect(clippy::unwrap_used, reason = "in a test, the panic is the message")]

use access::{Settings, SigningKey, TokenError};
use clock::Clock;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use settings::Tree;
use settings::live;

fn new_key() -> (SecretString, String) {
    let secret = SigningKey::generate().unwrap();
    let public = SigningKey::from_base64(&secret).unwrap().public_base64();
    (secret, public)
}

/// The section `access` of a service, with the cells in it.
fn read(signing_key: Option<&SecretString>, order_api: &str) -> (Settings, live::LiveCells) {
    let mut source = json!({
        "access.issuer": "https://dalkom.test", "access.audience": "dalkom",
        "access.user-keys-service": "member-api", "access.service-keys.order-api": order_api,
    });
    if let Some(key) = signing_key {
        source["access.service-signing-key"] = json!(key.expose_secret());
    }
    let environment = serde_json::from_value(json!({
        "name": "order-api", "profiles": ["default"], "propertySources": [{"name": "x", "source": source}],
    }));
    let mut tree = Tree::from_environment(&environment.unwrap()).unwrap();
    live::collect(|| tree.take_section("access").unwrap())
}

async fn change(running: &live::LiveCells, new: &live::LiveCells) -> Result<(), String> {
    let changed = ["access.service-signing-key".to_owned(), "access.service-keys.order-api".to_owned()];
    running.prepare(new, &changed).await.map(live::Prepared::commit).map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_service_changes_its_key_and_no_token_is_refused() {
    let clock = Clock::system();
    let ((old, old_public), (new, new_public)) = (new_key(), new_key());
    let (settings, cells) = read(Some(&old), &old_public);
    let tokens = settings.service_tokens("order-api", clock.clone()).unwrap();
    let keys = settings.service_keys("store-api", clock).unwrap();
    let of_old = tokens.token_for("store-api").unwrap();
    assert_eq!(keys.verify(&of_old).unwrap(), "order-api");

    // Both are known before one of them signs.
    let both = format!("{old_public}, {new_public}");
    change(&cells, &read(Some(&old), &both).1).await.unwrap();
    assert_eq!(keys.verify(&of_old).unwrap(), "order-api");
    change(&cells, &read(Some(&new), &both).1).await.unwrap();
    let of_new = tokens.token_for("store-api").unwrap();
    assert_ne!(of_new, of_old, "no token of the old key is used again");
    for token in [&of_old, &of_new] {
        assert_eq!(keys.verify(token).unwrap(), "order-api");
    }

    change(&cells, &read(Some(&new), &new_public).1).await.unwrap();
    assert_eq!(keys.verify(&of_new).unwrap(), "order-api");
    assert_eq!(keys.verify(&of_old), Err(TokenError::Signature));
}

#[tokio::test]
async fn keys_that_can_not_be_used_are_refused_and_the_old_ones_stay() {
    let clock = Clock::system();
    let (secret, public) = new_key();
    let (settings, cells) = read(Some(&secret), &public);
    let tokens = settings.service_tokens("order-api", clock.clone()).unwrap();
    let keys = settings.service_keys("store-api", clock).unwrap();
    for (signing_key, public_keys, problem) in [
        (Some("not a key".into()), public.clone(), "access.service-signing-key is not an Ed25519 key"),
        (None, public.clone(), "access.service-signing-key is missing, and this process signs with it"),
        (
            Some(secret.clone()),
            "AAAA".to_owned(),
            "access.service-keys.order-api is not an Ed25519 public key",
        ),
        (
            Some(secret.clone()),
            format!("{public},"),
            "access.service-keys.order-api is not an Ed25519 public key",
        ),
        (Some(secret.clone()), format!("{public},{public},{public}"), "has more than two keys"),
    ] {
        let refused = change(&cells, &read(signing_key.as_ref(), &public_keys).1).await.unwrap_err();
        assert!(refused.contains(problem), "{refused}");
        assert_eq!(keys.verify(&tokens.token_for("store-api").unwrap()).unwrap(), "order-api");
    }
}

#[tokio::test]
async fn a_service_without_a_key_can_get_one() {
    let (secret, public) = new_key();
    let (settings, cells) = read(None, &public);
    let tokens = settings.service_tokens("order-api", Clock::system()).unwrap();
    assert!(!tokens.can_sign());
    assert_eq!(tokens.token_for("store-api"), Err(TokenError::NoKeys));

    change(&cells, &read(Some(&secret), &public).1).await.unwrap();
    assert!(tokens.can_sign() && tokens.token_for("store-api").is_ok());
}
