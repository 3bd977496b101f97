//! Stores, items, options, stock and its reservations, and search.
//!
//! | feature | what |
//! |---|---|
//! | [`accounts`] | what happens here when a member's account is closed |
//! | [`stores`] | sellers open, edit and close stores; customers follow them |
//! | [`items`] | sellers list items and edit their options; customers give items hearts; carts look options up |
//! | [`stock`] | what orders do to stock: reserve, confirm, release, expire, restock |
//! | [`search`] | finding items and stores; the index and its worker |
//! | [`search_changes`] | what the index does not know yet; each change of a store, an item or stock writes it |
//! | [`seed`] | a made-up catalogue |
//!
//! Each feature has its routes in `http/`, its SQL in `db/`, and its rules and steps in files beside them. [`shared`]
//! has the small rules that several features need, and [`db`] what all SQL needs.
//!
//! | the rest | what |
//! |---|---|
//! | [`routes`] | the list of all routes |
//! | [`settings`], [`state`] | the settings, and what the handlers work with |
//! | [`command`] | what the program can do besides serving |
//!
//! A feature imports only features that are further down:
//!
//! ```text
//! seed
//!   └─► search ──► stores ──► items ──► search_changes
//!                               ▲
//!                  stock ───────┘
//! ```
//!
//! An arrow may skip features: `search` imports `items` and `search_changes` too. Closing a store deletes its items, so
//! `stores` imports `items`. Adding an item therefore locks its store with a statement of its own. Selling out an option changes
//! the price of its item, so `stock` imports `items`. [`accounts`] imports `stores` and `items`.

pub mod accounts;
pub mod command;
pub mod db;
pub mod items;
pub mod routes;
pub mod search;
pub mod search_changes;
pub mod seed;
mod service;
pub mod settings;
pub mod shared;
pub mod state;
pub mod stock;
pub mod stores;

pub use service::StoreApi;
