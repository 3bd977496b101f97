//! Tokens that must not be believed, made of one that is.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use stack::Stack;

/// A token taken apart.
#[derive(Clone, Debug)]
pub struct Token {
    /// The first part.
    pub header: Value,
    /// The second part.
    pub claims: Value,
}

impl Token {
    /// Takes a token apart.
    ///
    /// # Panics
    /// If it is not one.
    pub fn of(token: &str) -> Self {
        let mut parts = token.split('.').map(|part| {
            let bytes = URL_SAFE_NO_PAD.decode(part).expect("a part of a token is base64url");
            serde_json::from_slice(&bytes).unwrap_or(Value::Null)
        });
        let mut next = || parts.next().expect("a token has three parts");
        Self { header: next(), claims: next() }
    }

    /// With a claim set to something else.
    #[must_use]
    pub fn with(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.claims[claim] = value.into();
        self
    }

    /// With `alg: none` and no signature.
    pub fn unsigned(mut self) -> String {
        self.header["alg"] = json!("none");
        format!("{}.", self.signing_input())
    }

    /// Signed by a key.
    pub fn signed_by(&self, key: &SigningKey) -> String {
        let input = self.signing_input();
        let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).to_bytes());
        format!("{input}.{signature}")
    }

    fn signing_input(&self) -> String {
        [&self.header, &self.claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".")
    }
}

/// The key by which member-api signs the tokens of users: with it in hand, everything but one claim can be right.
///
/// # Panics
/// If the stack has none.
pub fn user_token_key(stack: &Stack) -> SigningKey {
    let path = stack.servers().home().secrets().join("user-tokens.ed25519");
    let text = fs::read_to_string(path).expect("the stack makes a key for user tokens");
    let der = STANDARD.decode(text.trim()).expect("keys are kept in base64");
    SigningKey::from_pkcs8_der(&der).expect("keys are kept as PKCS #8")
}

/// A key that nobody has published.
pub fn other_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}
