//! What happens here when a member's account is closed. member-api asks for it (crate `account-closing`).
//!
//! | file | owns |
//! |---|---|
//! | `find_open` | what of a member is open |
//! | `forget` | removing the personal data |
//! | `db` | the SQL |

mod db;
mod find_open;
mod forget;

use access::MemberId;
use account_closing::{Open, Participant};
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
        Ok(find_open::find_open(self, member).await?)
    }

    async fn forget(&self, member: MemberId, placeholder: &str) -> Result<(), Problem> {
        Ok(forget::forget(self, member, placeholder).await?)
    }
}
