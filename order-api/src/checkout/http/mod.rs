//! The route of the checkout.

pub(crate) mod order_create;
