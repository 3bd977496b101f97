//! Tokens that must be refused, made from one that is valid.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use stack::Stack;

/// A decoded token.
#[derive(Clone, Debug)]
pub struct Token {
    /// The first part.
    pub header: Value,
    /// The second part.
    pub claims: Value,
}

impl Token {
    /// Decodes a token.
    ///
    /// # Panics
    /// If it is not a token.
    pub fn of(token: &str) -> Self {
        let mut parts = token.split('.').map(|part| {
            let bytes = URL_SAFE_NO_PAD.decode(part).expect("a part of a token is base64url");
            serde_json::from_slice(&bytes).unwrap_or(Value::Null)
        });
        let mut next = || parts.next().expect("a token has three parts");
        Self { header: next(), claims: next() }
    }

    /// Sets a claim.
    #[must_use]
    pub fn with(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.claims[claim] = value.into();
        self
    }

    /// The token with `alg: none` and without a signature.
    pub fn unsigned(mut self) -> String {
        self.header["alg"] = json!("none");
        format!("{}.", self.signing_input())
    }

    /// The token, signed with a key.
    pub fn signed_by(&self, key: &SigningKey) -> String {
        let input = self.signing_input();
        let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).to_bytes());
        format!("{input}.{signature}")
    }

    fn signing_input(&self) -> String {
        [&self.header, &self.claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".")
    }
}

/// The key that member-api signs user tokens with. With it, a test can make a token in which only one claim is wrong.
///
/// # Panics
/// If the stack has none.
pub fn user_token_key(stack: &Stack) -> SigningKey {
    let path = stack.servers().home().secrets().join("user-tokens.ed25519");
    let text = fs::read_to_string(path).expect("the stack makes a key for user tokens");
    let der = STANDARD.decode(text.trim()).expect("keys are kept in base64");
    SigningKey::from_pkcs8_der(&der).expect("keys are kept as PKCS #8")
}

/// A key that is not published.
pub fn other_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}
