//! The checkout: from a cart to a confirmed order.
//!
//! A checkout is a saga. Its steps are in other services: reserve the stock, take the money. Each step can be repeated,
//! because it carries the order's id. If a step is refused, the steps before it are compensated. A process works on a
//! checkout while it holds the lease; if it dies, the worker of any instance claims the checkout and goes on.
//!
//! | file | owns |
//! |---|---|
//! | `http/` | the route |
//! | `choose_lines` | which lines of the cart are ordered, if they are what the customer has seen |
//! | `place_order` | placing an order and waiting for its outcome |
//! | `state` | the states of a checkout, and the next step in each of them |
//! | `saga` | doing the steps |
//! | `deliveries` | what follows a confirmed order: the reserved stock is sold, the lines leave the cart |
//! | `worker` | claiming checkouts that are due |
//! | `db` | the SQL |

pub mod choose_lines;
pub mod db;
mod deliveries;
pub(crate) mod http;
pub mod place_order;
mod saga;
pub mod state;
mod worker;

pub(crate) use deliveries::CONFIRM_RESERVATION;
pub use deliveries::{ConfirmReservation, DropCartLines, GiveUpOrder};
pub use worker::DueCheckouts;
