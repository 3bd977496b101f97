//! The tables of wallets and the ledger.

pub mod statements;
pub mod transfers;
pub mod wallets;
