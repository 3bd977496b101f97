//! A member.

use access::{MemberId, Role};
use time::OffsetDateTime;

use crate::members::{Email, MemberName, Phone};

/// An open account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The id of the account and of its wallet.
    pub id: MemberId,
    /// The role, which never changes.
    pub role: Role,
    /// The address that the member signs in with.
    pub email: Email,
    /// The name of the member.
    pub name: MemberName,
    /// The phone number of the member.
    pub phone: Option<Phone>,
    /// When the member signed up.
    pub created_at: OffsetDateTime,
}
