//! What orders do to stock: reserve, confirm, release, expire, restock.
//!
//! Each step is one transaction. It is idempotent by the id that the caller gives: of the order, or of the restock.

mod confirm;
pub mod db;
mod expire;
pub(crate) mod http;
mod locked_items;
mod release;
pub mod reservation;
mod reserve;
mod restock;

pub use confirm::{ConfirmError, confirm};
pub use expire::{ExpireError, expire_due, expiry_worker};
pub use release::{ReleaseError, release};
pub use reserve::{ReserveError, reserve};
pub use restock::{RestockError, restock};
