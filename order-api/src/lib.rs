//! order-api: carts, checkout, orders and what follows a sale.
//!
//! Each feature has a folder with its routes, rules, steps and SQL:
//!
//! | folder | owns |
//! |---|---|
//! | [`cart`] | what a customer wants to buy, in Redis |
//! | [`checkout`] | from a cart to a confirmed order, as a saga |
//! | [`orders`] | orders, their lines, and sales |
//! | [`refunds`] | cancelling a line; requesting, accepting and rejecting a refund |
//! | [`payouts`] | paying sellers |
//! | [`settlement`] | running totals, and what each seller is owed for a day |
//! | [`accounts`] | what happens here when a member's account is closed |
//! | [`outbox`] | deliveries to other services; it knows no feature |
//! | [`batch`] | the framework for the settlement's job |
//!
//! A feature uses only those that the arrows lead to:
//!
//! ```text
//! checkout, refunds ──► orders ──► settlement ──► batch
//! payouts ──► settlement
//! checkout ──► cart
//! checkout, refunds, payouts ──► outbox
//! accounts ──► checkout
//! ```
//!
//! All features share these: [`routes`] is the list of routes, [`service`] starts the process and its workers, [`command`] has the
//! commands, [`settings`] has the settings, and [`state`] has what every operation works with. [`db`], [`quantity`] and [`backlog`]
//! are small shared parts.
//!
//! # How a success survives
//! An operation decides in one transaction of the schema `orders`. In the same transaction it stores what has to be done in
//! other services. This is tried at once, with ids that make it take effect once. If it is interrupted, a worker of any
//! instance does it later. So a success survives its process, and no operator is needed.

pub mod accounts;
pub mod backlog;
pub mod batch;
pub mod cart;
pub mod checkout;
pub mod command;
pub mod db;
pub mod orders;
pub mod outbox;
pub mod payouts;
pub mod quantity;
pub mod refunds;
mod routes;
mod service;
pub mod settings;
pub mod settlement;
pub mod state;

pub use routes::router;
pub use service::{OrderApi, delivery_handlers, run_worker};
