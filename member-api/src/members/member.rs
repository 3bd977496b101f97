//! A member.

use access::{MemberId, Role};
use time::OffsetDateTime;

use crate::members::{Email, MemberName, Phone};

/// An open account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The account's id; its wallet's, too.
    pub id: MemberId,
    /// What it may do. Fixed for good when it is made.
    pub role: Role,
    /// The address that it signs in with.
    pub email: Email,
    /// What to call it.
    pub name: MemberName,
    /// A number to reach it.
    pub phone: Option<Phone>,
    /// When it was made.
    pub created_at: OffsetDateTime,
}
