//! The mark of a customer on a store or an item: a follow or a heart. The row of the mark and the count change in one
//! transaction, so the count is always the number of rows.

use access::MemberId;
use database::{Connection, Database};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::MemberRows;

/// A locked store or item that customers can mark.
pub(crate) trait Markable: Sized + Send + 'static {
    /// The table of its marks.
    const MARKS: MemberRows;

    /// Locks the live store or item, so that no other transaction marks or deletes it meanwhile.
    fn lock(connection: &mut Connection, id: Uuid)
    -> impl Future<Output = sqlx::Result<Option<Self>>> + Send;

    /// Changes the count of its marks.
    fn count(self, connection: &mut Connection, change: i64)
    -> impl Future<Output = sqlx::Result<()>> + Send;
}

/// Why a mark was neither set nor removed.
#[derive(Debug, thiserror::Error)]
pub enum MarkError {
    /// There is no such live store or item.
    #[error("there is no such store or item")]
    NotFound,
    /// The account of the customer is closed or being closed.
    #[error("the account of the customer is closed or being closed")]
    AccountClosed,
    /// The database failed.
    #[error("marking a store or an item failed in the database")]
    Database(#[from] sqlx::Error),
}

/// The change of a mark.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MarkChange {
    /// Set it, at this time.
    Set(OffsetDateTime),
    /// Remove it.
    Remove,
}

/// Sets or removes the mark of a customer. If it is set or missing already, nothing changes. `name` is the name of the
/// transaction.
pub(crate) async fn change_mark<M: Markable>(
    database: &Database,
    name: &'static str,
    id: Uuid,
    customer: MemberId,
    change: MarkChange,
) -> Result<(), MarkError> {
    database
        .run_tx(name, move |connection| {
            Box::pin(async move {
                let marked = M::lock(connection, id).await?.ok_or(MarkError::NotFound)?;
                let counted = match change {
                    MarkChange::Set(now) => {
                        let inserted = M::MARKS.insert(connection, id, customer.0, now).await?;
                        if account_closing::is_marked(connection, customer).await? {
                            return Err(MarkError::AccountClosed);
                        }
                        i64::from(inserted)
                    }
                    MarkChange::Remove => -i64::from(M::MARKS.delete(connection, id, customer.0).await?),
                };
                if counted != 0 {
                    marked.count(connection, counted).await?;
                }
                Ok(())
            })
        })
        .await
}
