//! Members, sessions, wallets and the ledger.
//!
//! Each feature has a folder, with its routes (`http`), its SQL (`db`), its steps and its rules:
//!
//! | where | what |
//! |---|---|
//! | [`accounts`] | signing up, the profile, the password, closing the account, `member-api create-admin` |
//! | [`sessions`] | signing in, staying signed in, signing out; access tokens and their keys; slowing down the guessing of passwords |
//! | [`otp`] | one-time passwords: their secrets, and taking each code once |
//! | [`security_events`] | the trail of what happened to accounts |
//! | [`wallet`] | the ledger, which is the only code that moves money; charges, transfers and statements |
//! | [`audit`] | whether all sums of the ledger agree |
//! | [`members`] | who a member is: email, name, phone, password; the table `members` |
//!
//! A feature may import only those to its right:
//!
//! ```text
//! accounts → sessions → otp    → members
//!            sessions → security_events
//! accounts → wallet   → members, security_events
//!    audit → wallet
//! ```
//!
//! All features share these: [`routes`] is the list of routes, [`state`] has what every handler works with, [`settings`] has
//! the settings, [`client`] knows the client of a request, and [`db`] has the schema. `service` starts the process and its workers.

pub mod accounts;
pub mod audit;
pub mod client;
pub mod db;
pub mod members;
pub mod otp;
pub mod routes;
pub mod security_events;
mod service;
pub mod sessions;
pub mod settings;
pub mod state;
pub mod wallet;

pub use service::{Command, MemberApi};
