//! What a customer wants to buy.

pub mod change;
pub mod comparison;
pub mod line;
pub mod redis;
pub mod view;
pub(crate) mod http;
