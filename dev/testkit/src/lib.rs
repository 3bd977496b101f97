//! What only tests and benchmarks use.
//!
//! | module | owns |
//! |---|---|
//! | [`client`] | requests to a router or to a server, and their answers |
//! | [`people`] | tokens of members and services, for tests of one service |
//! | [`member`], [`shop`] | members and items for sale, made through the gateway of a running Dalkom |
//! | [`authority`] | certificates |
//! | [`fault_proxy`] | a TCP proxy that simulates the faults of a network |
//! | [`cancel`] | dropping work before its end |
//! | [`strictness`] | what every operation of a service must refuse |
//! | [`captured_log`] | what a log has written |
//! | [`database`] | the statements that a database executes now |
//! | [`wait`] | waiting for background work, with a time limit |
//!
//! Every failure in here panics: in a test, the panic is the message.

pub mod authority;
pub mod cancel;
pub mod captured_log;
pub mod client;
pub mod database;
pub mod fault_proxy;
pub mod member;
pub mod people;
pub mod shop;
pub mod strictness;
pub mod wait;

pub use authority::Authority;
pub use cancel::Cancel;
pub use captured_log::CapturedLog;
pub use client::{Answer, Client, Request, Server, integer, text};
pub use database::statements;
pub use fault_proxy::{Fault, FaultProxy};
pub use people::People;
pub use strictness::check_strictness;
pub use wait::{eventually, holds_within, until};
