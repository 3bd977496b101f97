//! The trail of what happened to accounts: sign-ins and their failures, sessions that were ended, changes of what protects the
//! account. It is apart from the request log, and holds no secrets: no password, no token, and no email.
//!
//! | file | owns |
//! |---|---|
//! | `kind` | what is recorded, and how it ended |
//! | `new_event` | a row to be added |
//! | `trail` | recording, its bounds, and forgetting |
//! | `watched` | recording that somebody was refused for the role |
//! | `http/` | the list of a member's own events |
//! | `db` | the table `security_events` |

pub mod db;
pub(crate) mod http;
pub mod trail;
pub mod watched;

mod kind;
mod new_event;

pub use kind::{Kind, Outcome};
