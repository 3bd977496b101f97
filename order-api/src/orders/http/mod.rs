//! The routes of orders and sales, a file for each operation.

pub(crate) mod order_body;
pub(crate) mod order_list;
pub(crate) mod order_show;
mod sale_body;
pub(crate) mod sale_list;
