//! What other services ask of member-api, and the shapes on the wire.
//!
//! Money moves by [`MemberClient::transfer`]. The caller makes the transfer's id and keeps it: asked again by the same
//! id, after a lost reply or a crash, member-api gives the answer that it gave before and moves nothing.
//!
//! Which sessions have ended before their time, [`MemberClient::revocations`] tells the gateway, which asks again and again.

mod client;
mod revocations;
mod transfer;

pub use client::{MemberClient, TransferError};
pub use revocations::{Revocations, RevocationsQuery};
pub use transfer::{TransferKind, TransferReceipt, TransferRequest};

/// The name by which the service is found and called.
pub const SERVICE: &str = "member-api";

/// The path of wallets: transfers are ordered at `/{member's id}/transfers` below.
pub const WALLETS_PATH: &str = "/internal/wallets";

/// The path of transfers that have been ordered: each at its id below.
pub const TRANSFERS_PATH: &str = "/internal/transfers";

/// The path of the sessions that have ended before their time.
pub const REVOCATIONS_PATH: &str = "/internal/revocations";
