//! The routes of the cart, a file for each operation.

pub(crate) mod cart_acknowledge;
pub(crate) mod cart_body;
pub(crate) mod cart_clear;
pub(crate) mod cart_line_add;
pub(crate) mod cart_line_remove;
pub(crate) mod cart_line_set;
pub(crate) mod cart_show;
