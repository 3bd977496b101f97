//! Refreshing a session: exchanges a refresh token for the next one.

use std::sync::Arc;
use std::time::Duration;

use access::{Principal, Role};
use database::Connection;
use time::OffsetDateTime;

use crate::client::Client;
use crate::members;
use crate::otp;
use crate::security_events::trail::Trail;
use crate::security_events::{Kind, Outcome as Ended};
use crate::sessions::db::{refresh_tokens, sessions};
use crate::sessions::sign_in::IssuedSession;
use crate::sessions::{RefreshDecision, RefreshToken, TokenHash};
use crate::state::AppState;

/// Why a session was not refreshed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token is unknown, was used before, or its session has ended.
    #[error("the refresh token is not valid")]
    Invalid,
    /// The database failed, and the token is as valid as before.
    #[error("the session could not be stored")]
    Database(#[from] sqlx::Error),
}

/// Exchanges a refresh token for a new one. [`SessionState::decide`](crate::sessions::SessionState::decide) decides what
/// happens to a token that was used before.
pub async fn refresh(
    state: &AppState,
    used: &RefreshToken,
    client: Client,
) -> Result<IssuedSession, RefreshError> {
    let next = RefreshToken::from_bytes(rand::random());
    let now = state.clock.now();
    let exchange = Arc::new(Exchange {
        used: used.hash(),
        next: next.hash(),
        client,
        now,
        expires_at: now + state.tokens.refresh_lifetime(),
        session_lifetime: state.tokens.session_lifetime(),
        trail: state.trail.clone(),
        otp_is_required: state.otp_keys.are_required_for_admins(),
    });
    let run = state.database.run_tx("session_refresh", move |connection| {
        let exchange = Arc::clone(&exchange);
        Box::pin(async move { exchange.run(connection).await })
    });
    let outcome = run.await?;
    let label = match outcome {
        Outcome::Refreshed(_) => "refreshed",
        Outcome::Refused => "refused",
        Outcome::Reused => "reused",
    };
    metrics::counter!("session_refreshes_total", "outcome" => label).increment(1);
    match outcome {
        Outcome::Refreshed(principal) => Ok(IssuedSession { principal, refresh_token: next }),
        Outcome::Refused | Outcome::Reused => Err(RefreshError::Invalid),
    }
}

/// The exchange of one token for another.
struct Exchange {
    used: TokenHash,
    next: TokenHash,
    client: Client,
    now: OffsetDateTime,
    expires_at: OffsetDateTime,
    session_lifetime: Duration,
    trail: Trail,
    /// Whether administrators need a second factor.
    otp_is_required: bool,
}

/// The result of an exchange. All of them are committed: a reused token is refused, and its session revoked.
enum Outcome {
    Refreshed(Principal),
    Refused,
    Reused,
}

impl Exchange {
    async fn run(&self, connection: &mut Connection) -> sqlx::Result<Outcome> {
        let Some((session_id, generation)) = refresh_tokens::find(connection, self.used).await? else {
            return Ok(Outcome::Refused);
        };
        let Some(session) = sessions::lock(connection, session_id).await? else {
            return Ok(Outcome::Refused);
        };
        let end = session.created_at + self.session_lifetime;
        let decision = session.state.ending_by(end).decide(generation, self.now);
        match decision {
            RefreshDecision::Rotate | RefreshDecision::Repeat => {}
            RefreshDecision::Reuse => {
                tracing::warn!(%session_id, member_id = %session.member_id, "a refresh token was used again: its session is revoked");
                sessions::revoke(connection, session_id, self.now).await?;
                let event =
                    self.trail.event(Kind::Refresh, Ended::TokenReused, session.member_id, &self.client);
                event.in_session(session_id).record(connection).await?;
                return Ok(Outcome::Reused);
            }
            RefreshDecision::Ended => return Ok(Outcome::Refused),
        }
        // Before it is rotated: who is refused has no other token, and may try again with this one.
        let Some(role) = members::db::find_role(connection, session.member_id).await? else {
            return Ok(Outcome::Refused);
        };
        if role == Role::Admin
            && self.otp_is_required
            && !otp::db::is_in_force(connection, session.member_id).await?
        {
            return Ok(Outcome::Refused);
        }
        let next_generation = if decision == RefreshDecision::Rotate {
            let expires_at = self.expires_at.min(end);
            sessions::rotate(connection, session_id, &self.client, self.now, expires_at).await?;
            session.state.generation + 1
        } else {
            session.state.generation
        };
        refresh_tokens::insert(connection, self.next, session_id, next_generation, self.now).await?;
        Ok(Outcome::Refreshed(Principal { member_id: session.member_id, role, session_id }))
    }
}
