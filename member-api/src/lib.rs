//! Members, sessions, wallets and the ledger.
//!
//! | where | what |
//! |---|---|
//! | [`http`] | the routes, a file for each operation |
//! | [`sign_up`], [`sign_in`], [`refresh`], [`change_password`], [`close_account`] | what takes more than one step |
//! | [`ledger`] | the one place where money moves |
//! | [`charge`], [`till`] | bringing money in, at most once for each key; where charges wait for one another |
//! | [`audit`] | the proof that it adds up |
//! | [`throttle`], [`passwords`], [`tokens`] | the brake on guessing; hashing; access tokens and their keys |
//! | [`domain`] | the rules, and nothing else |
//! | [`db`] | the schema `member` |
//! | [`create_admin`] | `member-api create-admin` |
//! | [`sweep`] | removing what has had its time |

pub mod audit;
pub mod change_password;
pub mod charge;
pub mod close_account;
pub mod create_admin;
pub mod db;
pub mod domain;
pub mod http;
pub mod ledger;
pub mod passwords;
pub mod refresh;
mod service;
pub mod settings;
pub mod sign_in;
pub mod sign_up;
pub mod state;
pub mod sweep;
pub mod throttle;
pub mod till;
pub mod tokens;

pub use service::{Command, MemberApi};
