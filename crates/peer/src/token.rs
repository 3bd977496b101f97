//! Where the tokens come from with which a service calls another.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why there is no token.
pub(crate) type MintError = Box<dyn Error + Send + Sync>;

type Mint = dyn Fn(&str) -> Result<String, MintError> + Send + Sync;

/// Makes service tokens: takes the name of the service that is to be called, and gives a token that only it accepts.
#[derive(Clone)]
pub struct TokenSource(Option<Arc<Mint>>);

impl TokenSource {
    /// Tokens by `mint`, which is asked once for each call and so has to keep a token for as long as it is good.
    pub fn new<E>(mint: impl Fn(&str) -> Result<String, E> + Send + Sync + 'static) -> Self
    where
        E: Error + Send + Sync + 'static,
    {
        Self(Some(Arc::new(move |audience| mint(audience).map_err(Into::into))))
    }

    /// No tokens, for calls of public paths.
    pub fn none() -> Self {
        Self(None)
    }

    pub(crate) fn token_for(&self, audience: &str) -> Result<Option<String>, MintError> {
        self.0.as_ref().map(|mint| mint(audience)).transpose()
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSource")
    }
}
