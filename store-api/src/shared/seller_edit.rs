use std::error::Error;

use access::MemberId;
use clock::Clock;
use database::{Connection, Database, TxFuture};
use idempotency::{KeepError, KeptAnswer, Reply};
use time::OffsetDateTime;

use super::{EntityTag, Expected, run_answered, run_tx_with};

/// Who edits a store or an item, and which state of it they have seen.
#[derive(Clone, Debug)]
pub struct SellerEdit {
    /// The seller. The store or item must belong to them.
    pub seller: MemberId,
    /// The tags that the edit is meant for.
    pub expected: Expected,
    /// The tags that the edit is not meant for.
    pub unwanted: Option<Expected>,
}

/// Why a seller's store or item was not edited, whatever the edit is.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The seller has no such store or item.
    #[error("the seller has no such store or item")]
    NotFound,
    /// The store or item has another tag than the seller has seen.
    #[error("the store or item has changed meanwhile")]
    Changed,
    /// The database failed.
    #[error("editing a store or an item failed in the database")]
    Database(#[from] sqlx::Error),
}

/// One try of an edit, in its transaction.
pub(crate) struct EditTransaction<'c> {
    /// The connection.
    pub(crate) connection: &'c mut Connection,
    /// Who edits, and which state they have seen.
    pub(crate) edit: &'c SellerEdit,
    /// When. It is the same for every try.
    pub(crate) now: OffsetDateTime,
}

impl SellerEdit {
    /// Runs an edit in one transaction. Every try of it reads `change`. `name` is the name of the transaction.
    pub(crate) async fn run<C, T, E, F>(
        self,
        database: &Database,
        clock: &Clock,
        name: &'static str,
        change: C,
        work: F,
    ) -> Result<T, E>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        E: Error + From<sqlx::Error> + Send + Sync + 'static,
        F: for<'c> Fn(EditTransaction<'c>, &'c C) -> TxFuture<'c, T, E> + Send + Sync + 'static,
    {
        let now = clock.now();
        run_tx_with(database, name, (self, change), move |connection, (edit, change)| {
            work(EditTransaction { connection, edit, now }, change)
        })
        .await
    }

    /// Like [`run`](Self::run), and keeps the answer to the request in the same transaction, if it has an Idempotency-Key.
    pub(crate) async fn run_answered<C, T, E, F>(
        self,
        database: &Database,
        clock: &Clock,
        name: &'static str,
        change: C,
        reply: Reply<T>,
        work: F,
    ) -> Result<KeptAnswer, E>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        E: Error + From<sqlx::Error> + From<KeepError> + Send + Sync + 'static,
        F: for<'c> Fn(EditTransaction<'c>, &'c C) -> TxFuture<'c, T, E> + Send + Sync + 'static,
    {
        let now = clock.now();
        run_answered(database, name, (self, change), reply, move |connection, (edit, change)| {
            work(EditTransaction { connection, edit, now }, change)
        })
        .await
    }

    /// Refuses the edit of a locked store or item whose tag is not expected.
    pub(crate) fn check(&self, tag: &EntityTag) -> Result<(), EditError> {
        let is_unwanted = self.unwanted.as_ref().is_some_and(|unwanted| unwanted.has(tag));
        if self.expected.has(tag) && !is_unwanted { Ok(()) } else { Err(EditError::Changed) }
    }

    /// Whether the edit is meant for every state of the store or item.
    pub(crate) fn is_unconditional(&self) -> bool {
        self.expected == Expected::Any && self.unwanted.is_none()
    }
}
