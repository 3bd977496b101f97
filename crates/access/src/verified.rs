//! Tokens whose signatures were verified a moment ago.

use aws_lc_rs::digest::{self, SHA256};
use quick_cache::sync::Cache;

/// With some hundred bytes each.
const MOST: usize = 4_096;

/// What good tokens claim, by their SHA-256: the tokens themselves do not lie in memory. Those that are not good are not
/// remembered, so that nobody can fill it with what they made up.
pub(crate) struct Verified<C>(Cache<[u8; 32], C>);

impl<C: Clone> Default for Verified<C> {
    fn default() -> Self {
        Self(Cache::new(MOST))
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
