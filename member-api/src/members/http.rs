//! The answer to a closed account.

use access::Principal;
use problem::{Code, Problem};

/// Says that the token is good and its account is gone.
pub(crate) fn account_is_closed(principal: Principal) -> Problem {
    tracing::debug!(member_id = %principal.member_id, "a token of an account that is closed");
    Problem::new(Code::Unauthenticated).detail("the account is closed")
}
