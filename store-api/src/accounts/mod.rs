//! What happens here when a member's account is closed. member-api asks for it (crate `account-closing`).
//!
//! A seller's account can't be closed while a store is open. A transaction that opens a store writes its row, and then looks for
//! the mark of the seller. The search for open stores locks, and so waits for a row that is not committed. Hearts and follows work
//! in the same way: a closed account can't give new ones.

mod db;
mod forget;

use access::MemberId;
use account_closing::{Open, OpenKind, Participant};
use clock::Clock;
use database::Database;
use problem::Problem;

use crate::state::AppState;

impl Participant for AppState {
    fn database(&self) -> &Database {
        &self.database
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    async fn find_open(&self, member: MemberId) -> Result<Vec<Open>, Problem> {
        let count = self
            .database
            .read("account_find_open", move |connection| Box::pin(db::count_live_stores(connection, member)));
        Ok(Open::counted(OpenKind::LiveStore, count.await?).into_iter().collect())
    }

    async fn forget(&self, member: MemberId, placeholder: &str) -> Result<(), Problem> {
        Ok(forget::forget(self, member, placeholder).await?)
    }
}
