//! The outbox: deliveries to other services, which are stored in the transaction that decides them.
//!
//! A feature writes a [`Delivery`] in the transaction that decides something, and then tries it at once
//! ([`Outbox::deliver_now`]). If this fails, or if the process dies, the worker delivers it later. So each delivery is made
//! at least once. It takes effect once, because its requests carry an id that is always the same.
//!
//! The outbox knows no feature. A feature has a [`Handler`] for each [`Kind`] of its deliveries, and `service.rs` registers
//! the handlers.
//!
//! | file | owns |
//! |---|---|
//! | `delivery` | a delivery and its kind |
//! | `handler` | what a feature implements to make its deliveries |
//! | `dispatch` | making deliveries, and recording the results |
//! | `worker` | claiming deliveries that are due |
//! | `db` | the SQL |

pub mod db;
mod delivery;
mod dispatch;
mod handler;
mod worker;

pub use delivery::{ClaimedDelivery, Delivery, Kind};
pub use dispatch::Outbox;
pub use handler::{Handler, HandlerError};
pub use worker::DueDeliveries;
