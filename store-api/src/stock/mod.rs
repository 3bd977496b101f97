//! What orders do to stock, each in one transaction and idempotent by an id that the caller made.

mod confirm;
pub mod db;
mod expire;
pub(crate) mod http;
mod release;
pub mod reservation;
mod reserve;
mod restock;

pub use confirm::{ConfirmError, confirm};
pub use expire::{ExpireError, expire_due, expiry_worker};
pub use release::{ReleaseError, release};
pub use reserve::{ReserveError, reserve};
pub use restock::{RestockError, restock};
