//! Signing in.

use std::sync::Arc;

use access::Principal;
use database::Connection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::client::Client;
use crate::members::db::Credentials;
use crate::members::password_hasher::{PasswordError, Verdict};
use crate::members::{self, Email, PasswordAttempt};
use crate::security_events::{Kind, Outcome};
use crate::sessions::attempt::{Attempt, Standings};
use crate::sessions::db::{refresh_tokens, sessions};
use crate::sessions::password_check::{Checked, Purpose, SignInError, check_password};
use crate::sessions::{RefreshToken, TokenHash};
use crate::state::AppState;

/// A session with a new refresh token.
#[derive(Debug)]
pub struct IssuedSession {
    /// The member and session that the access token is for.
    pub principal: Principal,
    /// The only copy of the token: the database has its hash.
    pub refresh_token: RefreshToken,
}

/// Creates a session of the member with this email, if the password is right. `standings` becomes what is left of the limits on
/// failed attempts.
pub async fn sign_in(
    state: &AppState,
    email: Email,
    password: PasswordAttempt,
    client: Client,
    standings: &mut Standings,
) -> Result<IssuedSession, SignInError> {
    let result = try_to_sign_in(state, email, password, client, standings).await;
    let outcome = match &result {
        Ok(_) => "signed_in",
        Err(SignInError::BadCredentials) => "bad_credentials",
        Err(SignInError::TooManyAttempts { .. }) => "throttled",
        Err(SignInError::Password(PasswordError::Busy)) => "busy",
        Err(SignInError::Password(_) | SignInError::Database(_)) => "failed",
    };
    metrics::counter!("sign_ins_total", "outcome" => outcome).increment(1);
    result
}

async fn try_to_sign_in(
    state: &AppState,
    email: Email,
    password: PasswordAttempt,
    client: Client,
    standings: &mut Standings,
) -> Result<IssuedSession, SignInError> {
    let typed = password.clone();
    let checked = check_password(state, Purpose::SIGN_IN, email.clone(), &client, typed, standings).await?;
    let Checked { credentials, renewed_hash, attempt, turn } = checked;
    if renewed_hash.is_none() {
        drop(turn);
        return create_session(state, credentials, None, attempt, client).await;
    }
    match create_session(state, credentials, renewed_hash, attempt.clone(), client.clone()).await {
        Err(SignInError::BadCredentials) => {}
        result => return result,
    }
    // Another sign-in may have renewed the hash meanwhile.
    let find = state.database.read("sign_in_look", move |connection| {
        let email = email.clone();
        Box::pin(async move { members::db::find_credentials(connection, &email).await })
    });
    let credentials = find.await?.ok_or(SignInError::BadCredentials)?;
    let verdict = turn.verify(password, Some(credentials.password_hash.clone())).await?;
    drop(turn);
    match verdict {
        Verdict::Right => create_session(state, credentials, None, attempt, client).await,
        Verdict::Wrong | Verdict::RightAsTyped { .. } => Err(SignInError::BadCredentials),
    }
}

async fn create_session(
    state: &AppState,
    credentials: Credentials,
    renewed_hash: Option<String>,
    attempt: Attempt,
    client: Client,
) -> Result<IssuedSession, SignInError> {
    let refresh_token = RefreshToken::from_bytes(rand::random());
    let now = state.clock.now();
    let new_session = NewSession {
        session_id: state.clock.new_id(),
        token_hash: refresh_token.hash(),
        now,
        expires_at: now + state.tokens.refresh_lifetime().min(state.tokens.session_lifetime()),
    };
    let (member_id, role) = (credentials.member_id, credentials.role);
    let event = state.trail.event(Kind::SignIn, Outcome::Succeeded, member_id, &client);
    let event = event.in_session(new_session.session_id);
    let verified = Arc::new((credentials, renewed_hash, attempt, client, event));
    state
        .database
        .run_tx("sign_in", move |connection| {
            let verified = Arc::clone(&verified);
            Box::pin(async move {
                let (credentials, renewed_hash, attempt, client, event) = &*verified;
                new_session.insert(connection, credentials, attempt, client).await?;
                if let Some(renewed) = renewed_hash {
                    let (id, old) = (credentials.member_id, &credentials.password_hash);
                    members::db::replace_password(connection, id, old, renewed, new_session.now).await?;
                }
                Ok::<_, SignInError>(event.record(connection).await?)
            })
        })
        .await?;
    Ok(IssuedSession {
        principal: Principal { member_id, role, session_id: new_session.session_id },
        refresh_token,
    })
}

/// A session to be created.
#[derive(Clone, Copy)]
struct NewSession {
    session_id: Uuid,
    token_hash: TokenHash,
    now: OffsetDateTime,
    expires_at: OffsetDateTime,
}

impl NewSession {
    /// Stores the session. Fails if the account was closed or its password was changed after the password was verified:
    /// that change has revoked all sessions, and this one must not survive it.
    async fn insert(
        self,
        connection: &mut Connection,
        credentials: &Credentials,
        attempt: &Attempt,
        client: &Client,
    ) -> Result<(), SignInError> {
        if !members::db::lock_credentials(connection, credentials).await? {
            return Err(SignInError::BadCredentials);
        }
        let (id, member_id) = (self.session_id, credentials.member_id);
        sessions::insert(connection, id, member_id, client, self.now, self.expires_at).await?;
        refresh_tokens::insert(connection, self.token_hash, self.session_id, 0, self.now).await?;
        Ok(attempt.record_success(connection, credentials.member_id, self.now).await?)
    }
}

#[cfg(test)]
mod tests {
    use access::{MemberId, Role};
    use clock::Clock;
    use database::Database;
    use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

    use super::*;
    use crate::members::Member;

    #[sqlx::test(migrations = "./migrations")]
    async fn no_session_is_created_with_a_password_that_was_changed_meanwhile(
        _: MySqlPoolOptions,
        options: MySqlConnectOptions,
    ) {
        let (database, clock) = (Database::from_options(options), Clock::system());
        let email = Email::from("kim@example.com".to_owned());
        let member = Member {
            id: MemberId(clock.new_id()),
            role: Role::Customer,
            email: email.clone(),
            name: "kim".to_owned().into(),
            phone: None,
            created_at: clock.now(),
        };
        let steps = database.run_autocommit("steps", move |connection| {
            Box::pin(async move {
                members::db::insert(connection, &member, "first").await?;
                let verified = members::db::find_credentials(connection, &email).await?.unwrap();
                let now = clock.now();
                let attempt = Attempt::unlimited();
                let create = async |connection: &mut Connection| {
                    let new_session = NewSession {
                        session_id: clock.new_id(),
                        token_hash: rand::random(),
                        now,
                        expires_at: now,
                    };
                    new_session.insert(connection, &verified, &attempt, &Client::default()).await
                };
                create(connection).await.unwrap();
                assert!(
                    members::db::replace_password(
                        connection,
                        member.id,
                        &verified.password_hash,
                        "other",
                        now
                    )
                    .await?
                );
                assert!(matches!(create(connection).await, Err(SignInError::BadCredentials)));
                sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM sessions").fetch_one(connection).await
            })
        });
        assert_eq!(steps.await.unwrap(), 1);
    }
}
