//! The client of member-api for other services, with the types of requests and answers.
//!
//! [`MemberClient::transfer`] moves money. The caller makes the id of the transfer and stores it. If it asks again by the same id,
//! after a lost reply or a crash, member-api gives the same answer again and moves nothing.
//!
//! By [`MemberClient::revocations`] the gateway asks, again and again, which sessions have ended before their tokens expire.

mod client;
mod revocations;
mod transfer;

pub use client::{MemberClient, TransferError};
pub use revocations::{Revocations, RevocationsQuery};
pub use transfer::{TransferKind, TransferReceipt, TransferRequest};

/// The name of the service.
pub const SERVICE: &str = "member-api";

/// The path of wallets. Transfers are posted to `/{member's id}/transfers` below it.
pub const WALLETS_PATH: &str = "/internal/wallets";

/// The path of transfers. Each is at its id below it.
pub const TRANSFERS_PATH: &str = "/internal/transfers";

/// The path of the sessions that have ended early.
pub const REVOCATIONS_PATH: &str = "/internal/revocations";
