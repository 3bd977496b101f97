//! Sessions that have ended before their time, on the wire.

use garde::Validate;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// From when on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevocationsQuery {
    /// What the last answer gave as [`Revocations::as_of`]; none for all whose access tokens may still be good.
    #[garde(skip)]
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub since: Option<OffsetDateTime>,
}

/// Sessions whose access tokens are to be refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revocations {
    /// Their ids, which access tokens carry as `sid`. One that was told before may be told again.
    pub sessions: Vec<Uuid>,
    /// For how many seconds from now on each of them is to be refused: by then its access tokens have expired.
    pub refuse_for_seconds: u32,
    /// What to ask with next.
    #[serde(with = "time::serde::rfc3339")]
    pub as_of: OffsetDateTime,
}
