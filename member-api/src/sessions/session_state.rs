//! When a refresh token is good.
//!
//! A session counts how often it was refreshed: its generation. A refresh token carries the generation in which it was
//! handed out, and is good while that is the session's; using it begins the next one. A token of an older generation
//! has been used before. Its second use is either a client whose answer was lost, or a thief. Within [`GRACE`], and for
//! the generation just before only, it is taken for the former and given a token of the present generation, of
//! which again only the first use counts; otherwise the whole session ends. (RFC 9700, section 4.14.2.)

use std::time::Duration;

use time::OffsetDateTime;

/// How long after its use the last refresh token is forgiven a second use.
pub const GRACE: Duration = Duration::from_secs(10);

/// What is known of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionState {
    /// How often it was refreshed.
    pub generation: i32,
    /// When this generation began.
    pub rotated_at: OffsetDateTime,
    /// When it ends, if it is not refreshed.
    pub expires_at: OffsetDateTime,
    /// When it was ended before its time.
    pub revoked_at: Option<OffsetDateTime>,
}

/// What a refresh token brings about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshDecision {
    /// The next generation begins.
    Rotate,
    /// The answer was lost, it seems: another token of the present generation.
    Repeat,
    /// Used before: the session ends.
    Reuse,
    /// The session has ended already.
    Ended,
}

impl SessionState {
    /// Judges a refresh token that was handed out in `generation`.
    pub fn judge(&self, generation: i32, now: OffsetDateTime) -> RefreshDecision {
        if self.revoked_at.is_some() || self.expires_at <= now {
            RefreshDecision::Ended
        } else if generation == self.generation {
            RefreshDecision::Rotate
        } else if generation == self.generation - 1 && now - self.rotated_at <= GRACE {
            RefreshDecision::Repeat
        } else {
            RefreshDecision::Reuse
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;
    use time::macros::datetime;

    const ROTATED: OffsetDateTime = datetime!(2026-11-22 09:00 UTC);

    fn session() -> SessionState {
        let expires_at = ROTATED + Duration::days(30);
        SessionState { generation: 5, rotated_at: ROTATED, expires_at, revoked_at: None }
    }

    #[test]
    fn the_present_token_rotates_at_any_time() {
        assert_eq!(session().judge(5, ROTATED), RefreshDecision::Rotate);
        assert_eq!(session().judge(5, ROTATED + Duration::days(29)), RefreshDecision::Rotate);
    }

    #[test]
    fn the_one_before_is_forgiven_for_ten_seconds() {
        assert_eq!(session().judge(4, ROTATED + Duration::seconds(10)), RefreshDecision::Repeat);
        assert_eq!(session().judge(4, ROTATED + Duration::milliseconds(10_001)), RefreshDecision::Reuse);
    }

    #[test]
    fn older_ones_are_never_forgiven() {
        assert_eq!(session().judge(3, ROTATED), RefreshDecision::Reuse);
    }

    #[test]
    fn a_session_that_has_ended_stays_so() {
        let revoked = SessionState { revoked_at: Some(ROTATED), ..session() };
        assert_eq!(revoked.judge(5, ROTATED), RefreshDecision::Ended);
        assert_eq!(session().judge(5, ROTATED + Duration::days(30)), RefreshDecision::Ended);
    }
}
