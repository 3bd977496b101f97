//! Refunds: what happens to an order line after the sale. A customer cancels it, or asks for a refund and withdraws the
//! request; the seller accepts or rejects it.
//!
//! | file | owns |
//! |---|---|
//! | `http/` | the routes |
//! | `change_line` | changing a line for a member |
//! | `give_up` | paying back a whole order whose stock is gone |
//! | `write_changes` | what both write: the lines, their history, the totals of their sellers |
//! | `deliveries` | paying the customer, and restocking |

pub mod change_line;
mod deliveries;
mod give_up;
pub(crate) mod http;
mod write_changes;

pub use deliveries::{PayBack, Restock};
pub(crate) use give_up::give_up_order;
