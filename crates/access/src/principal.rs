//! Members: ids, roles, and the member who sends a request.

use problem::{Code, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A member's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct MemberId(pub Uuid);

impl std::fmt::Display for MemberId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl From<MemberId> for Uuid {
    fn from(member_id: MemberId) -> Self {
        member_id.0
    }
}

/// The role of a member; each member has exactly one.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    ToSchema,
)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "UPPERCASE")]
pub enum Role {
    /// Charges a wallet, fills a cart and orders.
    Customer,
    /// Has stores and is paid for what they sell.
    Seller,
    /// Sees the audit and runs settlements.
    Admin,
}

impl Role {
    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The member who is calling, by a verified token. Without a valid token the answer is 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Who.
    pub member_id: MemberId,
    /// Their role.
    pub role: Role,
    /// The session in which the token was issued.
    pub session_id: Uuid,
}

impl Principal {
    /// Refuses every other role.
    pub fn require(self, role: Role) -> Result<Self, Problem> {
        if self.role == role {
            return Ok(self);
        }
        let detail = format!("this is for {}, and you are {}", role.as_str(), self.role.as_str());
        Err(Problem::new(Code::WrongRole).detail(detail))
    }
}
