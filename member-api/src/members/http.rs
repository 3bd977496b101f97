//! The answer to a token of a closed account.

use access::Principal;
use problem::{Code, Problem};

/// The problem for a valid token whose account is closed.
pub(crate) fn account_closed(principal: Principal) -> Problem {
    tracing::debug!(member_id = %principal.member_id, "the account of this token is closed");
    Problem::new(Code::Unauthenticated).detail("the account is closed")
}
