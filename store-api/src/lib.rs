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
//! A feature imports only features that its arrows lead to:
//!
//! ```text
//! seed
//!   └─► search ──► stores ──► items ──► search_changes
//!                               ▲
//!                  stock ───────┘
//! ```
//!
//! A feature may also import what lies behind the next arrow: `search` imports `items` and `search_changes` too. [`accounts`]
//! imports `stores` and `items`. `stores` imports `items`, because closing a store deletes its items. `stock` imports `items`,
//! because the price of an item changes when an option is sold out. `items` can't import `stores`, so it has its own statement
//! that locks the store of a new item.

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
