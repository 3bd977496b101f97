//! Wallets and the ledger: how money moves, and how a member sees it.

pub mod charge;
pub mod db;
pub(crate) mod http;
pub mod ledger;
pub mod till;

mod charge_amount;
mod moment;
mod transfer;

pub use charge_amount::ChargeAmount;
pub use moment::Moment;
pub use transfer::{Account, Kind, MAX_BALANCE, Posting, Transfer};
