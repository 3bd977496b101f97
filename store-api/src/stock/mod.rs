//! What orders do to stock, each in one transaction and idempotent by an id that the caller made.

mod confirm;
mod expire;
mod release;
mod reserve;
mod restock;

pub use confirm::{ConfirmError, confirm};
pub use expire::{ExpireError, expire_due, expiry_worker};
pub use release::{ReleaseError, release};
pub use reserve::{ReserveError, reserve};
pub use restock::{RestockError, restock};
