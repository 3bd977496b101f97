//! Tokens whose signatures have been verified.

use aws_lc_rs::digest::{self, SHA256};
use quick_cache::sync::Cache;

/// How many tokens are remembered, with some hundred bytes each.
const CAPACITY: usize = 4_096;

/// The claims of valid tokens, by the SHA-256 of the token: the tokens themselves are not kept in memory. An invalid token is
/// not remembered, so that nobody can fill the memory with made-up tokens.
pub(crate) struct Verified<C>(Cache<[u8; 32], C>);

impl<C: Clone> Default for Verified<C> {
    fn default() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

impl<C: Clone> Verified<C> {
    pub(crate) fn get(&self, token: &str) -> Option<C> {
        self.0.get(&fingerprint(token))
    }

    pub(crate) fn remember(&self, token: &str, claims: C) {
        self.0.insert(fingerprint(token), claims);
    }
}

fn fingerprint(token: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&SHA256, token.as_bytes()).as_ref());
    bytes
}
