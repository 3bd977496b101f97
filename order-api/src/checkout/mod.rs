//! From a cart to a confirmed order.

pub mod db;
pub(crate) mod http;
pub mod place_order;
pub(crate) mod saga;
pub mod state;
