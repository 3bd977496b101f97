//! What happens to an order line after the sale.

pub mod change_line;
pub(crate) mod http;
