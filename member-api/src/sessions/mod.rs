//! Signing in, staying signed in and signing out: access tokens, refresh tokens, and the limit on sign-in attempts.

pub mod cleanup;
pub mod db;
pub(crate) mod http;
pub mod refresh;
pub mod sign_in;
pub mod throttle;
pub mod tokens;

mod refresh_token;
mod session_state;

pub use refresh_token::{RefreshToken, TokenHash};
pub use session_state::{GRACE_PERIOD, RefreshDecision, SessionState};
