//! Sessions that have ended before their tokens expire.

use garde::Validate;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// The query for revocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevocationsQuery {
    /// [`Revocations::as_of`] of the last answer. Without it, all ended sessions whose access tokens may still be valid are given.
    #[garde(skip)]
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub since: Option<OffsetDateTime>,
}

/// Sessions whose access tokens are to be refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revocations {
    /// Their ids, which are the `sid` of access tokens. An id may be in several answers.
    pub sessions: Vec<Uuid>,
    /// For how many seconds from now on their tokens are to be refused. After that the tokens have expired.
    pub refuse_for_seconds: u32,
    /// The time to ask with next.
    #[serde(with = "time::serde::rfc3339")]
    pub as_of: OffsetDateTime,
}
