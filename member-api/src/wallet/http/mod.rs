//! The routes of wallets: a file for each operation, and one for the internal routes of transfers.

pub(crate) mod charge_create;
pub(crate) mod entry_list;
pub(crate) mod transfers;
pub(crate) mod wallet_show;
