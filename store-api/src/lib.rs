//! Stores, items, options, stock and its reservations, and search.
//!
//! | where | what |
//! |---|---|
//! | [`http`] | the routes, a file for each operation |
//! | [`catalogue`] | what sellers do with stores, items and options, and customers with hearts and follows |
//! | [`stock`] | what orders do to stock: reserve, confirm, release, expire, restock |
//! | [`search`] | finding items and stores; the index |
//! | [`seed`] | a made-up catalogue |
//! | [`domain`] | the rules, and nothing else |
//! | [`db`] | the schema `store` |
//! | [`command`] | what the program can do besides serving |
//! | [`settings`], [`state`] | what the service is told, and what its handlers work with |

pub mod catalogue;
pub mod command;
pub mod db;
pub mod domain;
pub mod http;
pub mod search;
pub mod seed;
mod service;
pub mod settings;
pub mod state;
pub mod stock;

pub use service::StoreApi;
