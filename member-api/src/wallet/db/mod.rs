//! The tables of wallets and the ledger, and the query of statements.

pub mod statements;
pub mod transfers;
pub mod wallets;
