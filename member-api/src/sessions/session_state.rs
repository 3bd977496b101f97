//! When a refresh token is valid.
//!
//! A session counts its refreshes: this number is its generation. A refresh token belongs to the generation in which it
//! was issued. It is valid while the session is in this generation, and using it starts the next one. So a token of an
//! older generation has been used before. Its second use comes from a client that lost the answer, or from a thief.
//!
//! If the token is of the previous generation and the second use comes within [`GRACE_PERIOD`], we assume a lost answer and
//! issue another token of the current generation. Only one token of a generation can start the next one. In every other
//! case the session is revoked (RFC 9700, section 4.14.2).

use std::time::Duration;

use time::OffsetDateTime;

/// How long the previous refresh token may be used a second time.
pub const GRACE_PERIOD: Duration = Duration::from_secs(10);

/// The state of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionState {
    /// How often it was refreshed.
    pub generation: i32,
    /// When this generation started.
    pub rotated_at: OffsetDateTime,
    /// When it expires, if it is not refreshed.
    pub expires_at: OffsetDateTime,
    /// When it was revoked.
    pub revoked_at: Option<OffsetDateTime>,
}

/// What happens when a refresh token is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshDecision {
    /// The next generation starts.
    Rotate,
    /// Probably the answer was lost: another token of the current generation is issued.
    Repeat,
    /// The token was used before: the session is revoked.
    Reuse,
    /// The session has expired or was revoked.
    Ended,
}

impl SessionState {
    /// The same session, which ends at this time at the latest, however often it is refreshed.
    #[must_use]
    pub fn ending_by(self, end: OffsetDateTime) -> Self {
        Self { expires_at: self.expires_at.min(end), ..self }
    }

    /// Decides what happens when a refresh token of `generation` is used.
    pub fn decide(&self, generation: i32, now: OffsetDateTime) -> RefreshDecision {
        if self.revoked_at.is_some() || self.expires_at <= now {
            RefreshDecision::Ended
        } else if generation == self.generation {
            RefreshDecision::Rotate
        } else if generation == self.generation - 1 && now - self.rotated_at <= GRACE_PERIOD {
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
    fn the_current_token_rotates_at_any_time() {
        assert_eq!(session().decide(5, ROTATED), RefreshDecision::Rotate);
        assert_eq!(session().decide(5, ROTATED + Duration::days(29)), RefreshDecision::Rotate);
    }

    #[test]
    fn the_previous_token_can_be_repeated_for_ten_seconds() {
        assert_eq!(session().decide(4, ROTATED + Duration::seconds(10)), RefreshDecision::Repeat);
        assert_eq!(session().decide(4, ROTATED + Duration::milliseconds(10_001)), RefreshDecision::Reuse);
    }

    #[test]
    fn an_older_token_is_always_a_reuse() {
        assert_eq!(session().decide(3, ROTATED), RefreshDecision::Reuse);
    }

    #[test]
    fn a_session_that_has_ended_stays_so() {
        let revoked = SessionState { revoked_at: Some(ROTATED), ..session() };
        assert_eq!(revoked.decide(5, ROTATED), RefreshDecision::Ended);
        assert_eq!(session().decide(5, ROTATED + Duration::days(30)), RefreshDecision::Ended);
    }
}
