//! Wallets and the ledger: how money moves, and what a member sees of it.

pub mod charge;
pub mod charge_batcher;
pub mod db;
pub(crate) mod http;
pub mod ledger;

mod charge_amount;
mod date_or_time;
mod transfer;

pub use charge_amount::ChargeAmount;
pub use date_or_time::DateOrTime;
pub use transfer::{Account, Kind, MAX_BALANCE, Posting, Transfer};
