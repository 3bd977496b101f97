//! Calling another Dalkom service: instance, token, deadline, retry, and errors.
//!
//! A [`ServiceClient`] calls one other service. Each call goes to the next instance that discovery knows, carries a service token for
//! that service and the trace of the current work, and has one deadline for all of its tries. If the current work has a deadline
//! ([`deadline`]), the call ends with it, and tells the service how much time is left.
//!
//! # When a call is retried
//! Internal calls are idempotent by an id that the caller makes. So if the reply is lost, the same call is sent once more, if
//! possible to another instance. If no connection could be opened, nothing was sent, and every other instance is tried. An
//! answer with the status 502, 503 or 504 counts as a lost reply. Any other answer is final.
//!
//! # What the errors mean
//! After [`CallError::Refused`] and [`CallError::Unsent`] the call had no effect. After any other error it may have had an
//! effect, or may still have one: the caller asks again by the same id.

mod client;
pub mod deadline;
mod error;
mod service_client;
mod token;

pub use client::http_client;
pub use error::CallError;
pub use service_client::ServiceClient;
pub use token::TokenSource;
