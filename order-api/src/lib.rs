//! order-api: carts, checkout, orders and what follows a sale.
//!
//! | module | owns |
//! |---|---|
//! | [`http`] | the routes, a file for each operation |
//! | [`domain`] | the words and rules, pure |
//! | [`db`] | the schemas `orders` and `batch`: all SQL |
//! | [`cart`] | the carts in Redis: all Redis commands |
//! | [`view_cart`], [`change_cart`] | reading a cart against the store as it is now, and changing it |
//! | [`checkout`], [`drive_checkout`] | placing an order, and driving it to its end step by step |
//! | [`change_line`] | cancelling a line, and asking, granting and refusing its money |
//! | [`deliver`] | doing elsewhere what was decided here |
//! | [`lanes`] | keeping those apart who add to one seller's totals at once |
//! | [`settle`], [`batch`] | settling days, and the framework that its runs stand on |
//! | [`pay_out`] | paying a seller |
//! | [`worker`] | taking up what was left unfinished, in every instance |
//! | [`command`] | what the program can do besides serving |
//! | [`settings`], [`state`] | what can be set; what every operation works with |
//!
//! A request decides in one transaction of the schema `orders`, and what is to be done elsewhere is written in the same
//! transaction. It is then done at once, asked for by ids that make it take effect once; what is interrupted is taken up
//! by whichever instance comes first. So a success survives the process that gave it, and nothing needs an operator.

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
pub mod worker;

pub use routes::router;
pub use service::OrderApi;
