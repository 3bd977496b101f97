//! Signing in, staying signed in and signing out: access tokens, refresh tokens, and slowing down the guessing of passwords.

pub mod attempt;
pub mod cleanup;
pub mod db;
pub mod delay;
pub mod end_session;
pub(crate) mod http;
pub mod password_check;
pub mod refresh;
pub mod sign_in;
pub mod subjects;
pub mod throttle;
pub mod tokens;

mod refresh_token;
mod session_state;

pub use refresh_token::{RefreshToken, TokenHash};
pub use session_state::{GRACE_PERIOD, RefreshDecision, SessionState};
