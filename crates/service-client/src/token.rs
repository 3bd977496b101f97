//! The source of the tokens with which a service calls another.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why there is no token.
pub(crate) type IssueError = Box<dyn Error + Send + Sync>;

type Issue = dyn Fn(&str) -> Result<String, IssueError> + Send + Sync;

/// Gives service tokens: for the name of the service that is to be called, a token that only this service accepts.
#[derive(Clone)]
pub struct TokenSource(Option<Arc<Issue>>);

impl TokenSource {
    /// Tokens by `issue`. It is called once for each call, so it should keep a token for as long as the token is valid.
    pub fn new<E>(issue: impl Fn(&str) -> Result<String, E> + Send + Sync + 'static) -> Self
    where
        E: Error + Send + Sync + 'static,
    {
        Self(Some(Arc::new(move |audience| issue(audience).map_err(Into::into))))
    }

    /// No tokens, for calls of public paths.
    pub fn none() -> Self {
        Self(None)
    }

    pub(crate) fn token_for(&self, audience: &str) -> Result<Option<String>, IssueError> {
        self.0.as_ref().map(|issue| issue(audience)).transpose()
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSource")
    }
}
