//! The body that shows a member.

use access::{MemberId, Role};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::members::{Email, Member, MemberName, Phone};

/// A member, as shown to the member.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Member)]
pub(crate) struct MemberBody {
    id: MemberId,
    email: Email,
    name: MemberName,
    /// The digits of the number.
    #[schema(required = true)]
    phone: Option<Phone>,
    role: Role,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<Member> for MemberBody {
    fn from(member: Member) -> Self {
        let Member { id, role, email, name, phone, created_at } = member;
        Self { id, email, name, phone, role, created_at }
    }
}
