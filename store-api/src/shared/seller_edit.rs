use access::MemberId;

use super::Expected;

/// Who edits a store or an item, and at which version.
#[derive(Clone, Debug)]
pub struct SellerEdit {
    /// The seller. The store or item must belong to them.
    pub seller: MemberId,
    /// The versions that the edit is meant for.
    pub expected: Expected,
}

/// Why a seller's store or item was not edited, whatever the edit is.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The seller has no such store or item.
    #[error("the seller has no such store or item")]
    NotFound,
    /// The store or item has another version than the seller has seen.
    #[error("the store or item has changed meanwhile")]
    Changed,
    /// The database failed.
    #[error("editing a store or an item failed in the database")]
    Database(#[from] sqlx::Error),
}

impl SellerEdit {
    /// Checks the version of the locked store or item.
    pub(crate) fn check_version(&self, version: i64) -> Result<(), EditError> {
        if self.expected.allows(version) { Ok(()) } else { Err(EditError::Changed) }
    }
}
