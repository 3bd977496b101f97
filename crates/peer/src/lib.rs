//! Calling another Dalkom service: instance, token, deadline, retry, and the problem it answers.
//!
//! A [`Peer`] is one other service. Each call takes the next instance that discovery knows, carries a service token
//! for that service and the trace of the work in hand, and has one deadline over everything that it tries.
//!
//! # When a call is made again
//! Internal calls are idempotent by an id that the caller makes, and it is for this that they are: where the reply
//! was lost, the same call is sent once more, if possible to another instance. Where not even a connection came
//! about, nothing was sent, and every other instance is tried. An answer that says 502, 503 or 504 counts as a lost
//! reply. Any other answer is final.
//!
//! # What the errors mean
//! [`PeerError::Refused`] and [`PeerError::Unsent`] say that the call had no effect. After any other error it may
//! have had one, or may still have: ask again by the same id.

mod client;
mod error;
mod peer;
mod token;

pub use client::http_client;
pub use error::PeerError;
pub use peer::Peer;
pub use token::TokenSource;
