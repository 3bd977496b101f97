//! Rules: the phases of closing an account.
//!
//! ```text
//! OPEN ──► DECIDING ──nothing is open──► FORGETTING ──► FORGETTING_AGAIN ──► FORGOTTEN
//!   ▲          │
//!   └─UNDOING ◄┘ something is open, a service can't be asked, or the process has died
//! ```
//! While it is DECIDING, the other services let nothing new begin with the member. The account is closed by the transaction
//! that leads to FORGETTING. In this phase the other services are told to remove the personal data. They are told again
//! when the last access token of the member has expired: until then a request that was on its way may have left something.

use std::time::Duration;

use access::MemberId;
use jobs::Lease;
use strum::{EnumString, IntoStaticStr, VariantArray};

/// A phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Phase {
    /// The account is open, and nothing is to be done.
    Open,
    /// A request decides whether the account can be closed.
    Deciding,
    /// The account stays open. The other services must be told.
    Undoing,
    /// The account is closed. The other services must remove the personal data.
    Forgetting,
    /// They must do so once more, when no access token of the member is valid.
    ForgettingAgain,
    /// Everything is done.
    Forgotten,
}

impl Phase {
    /// The name in the table and in metrics.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The closing of an account, of which this process has the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The member.
    pub member_id: MemberId,
    /// The phase.
    pub phase: Phase,
    /// The lease. The number of its attempt is the fencing token.
    pub lease: Lease,
    /// How often this phase has failed.
    pub failures: u32,
}

impl Closing {
    /// The number by which the other services know this attempt.
    pub fn number(&self) -> u64 {
        self.lease.attempt.into()
    }
}

/// After the last access token has expired and this time is over, no request with that token is running any more.
pub(crate) const LAST_REQUESTS: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_is_parsed_as_it_was_written() {
        for phase in Phase::VARIANTS {
            assert_eq!(phase.as_str().parse(), Ok(*phase));
        }
    }
}
