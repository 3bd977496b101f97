//! An event that is to be stored.

use access::MemberId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Kind, Outcome};
use crate::client::Client;

/// A row to be added.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub(super) id: Uuid,
    /// Nil for nobody.
    pub(super) member_id: MemberId,
    pub(super) session_id: Option<Uuid>,
    pub(super) kind: Kind,
    pub(super) outcome: Outcome,
    pub(super) client: Client,
    pub(super) at: OffsetDateTime,
}
