//! Signing in, and verifying the password of a member who is signed in.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use access::Principal;
use database::Connection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::members::db::Credentials;
use crate::members::password_hasher::PasswordError;
use crate::members::{self, Email, PasswordAttempt};
use crate::sessions::db::{refresh_tokens, sessions};
use crate::sessions::throttle::{Admission, Attempt};
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

/// Why a sign-in failed, or a password was not verified.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// No open account has this email with this password.
    #[error("the email or the password is wrong")]
    BadCredentials,
    /// Too many attempts on the account or from the address have failed.
    #[error("too many attempts have failed")]
    TooManyAttempts {
        /// How long to wait before the next attempt.
        wait: Duration,
    },
    /// The password could not be verified.
    #[error("the password could not be verified")]
    Password(#[from] PasswordError),
    /// The database failed, and no session was created.
    #[error("the session could not be stored")]
    Database(#[from] sqlx::Error),
}

/// Creates a session of the member with this email, if the password is right. An unknown email and a wrong password take
/// the same steps, and so the same time.
pub async fn sign_in(
    state: &AppState,
    email: Email,
    password: PasswordAttempt,
    address: Option<IpAddr>,
) -> Result<IssuedSession, SignInError> {
    let result = try_to_sign_in(state, email, password, address).await;
    let outcome = match &result {
        Ok(_) => "signed_in",
        Err(SignInError::BadCredentials) => "bad_credentials",
        Err(SignInError::TooManyAttempts { .. }) => "throttled",
        Err(SignInError::Password(_) | SignInError::Database(_)) => "failed",
    };
    metrics::counter!("sign_ins_total", "outcome" => outcome).increment(1);
    result
}

async fn try_to_sign_in(
    state: &AppState,
    email: Email,
    password: PasswordAttempt,
    address: Option<IpAddr>,
) -> Result<IssuedSession, SignInError> {
    let attempt = count_attempt(state, &email, address).await?;
    let find = state.database.read("credentials_find", move |connection| {
        Box::pin(async move { members::db::find_credentials(connection, &email).await })
    });
    let credentials = find.await?;
    let hash = credentials.as_ref().map(|credentials| credentials.password_hash.clone());
    let right = state.password_hasher.verify(password, hash).await?;
    let credentials = credentials.filter(|_| right).ok_or(SignInError::BadCredentials)?;
    create_session(state, credentials, attempt).await
}

/// Verifies the password of a member who is signed in. It counts as a sign-in attempt, so that the limit also stops a
/// thief of an access token from guessing the password.
pub async fn verify_current_password(
    state: &AppState,
    email: &Email,
    password: PasswordAttempt,
    hash: String,
) -> Result<(), SignInError> {
    let attempt = count_attempt(state, email, None).await?;
    if !state.password_hasher.verify(password, Some(hash)).await? {
        return Err(SignInError::BadCredentials);
    }
    let record_success = state.database.run_tx("sign_in_forgive", move |connection| {
        Box::pin(async move { attempt.record_success(connection).await })
    });
    Ok(record_success.await?)
}

async fn count_attempt(
    state: &AppState,
    email: &Email,
    address: Option<IpAddr>,
) -> Result<Attempt, SignInError> {
    let attempt = Attempt::new(email, address);
    let (limits, now) = (state.sign_in_limits.clone(), state.clock.now());
    let admission = state
        .database
        .run_tx("sign_in_count", move |connection| {
            let limits = limits.clone();
            Box::pin(async move { attempt.count(connection, &limits, now).await })
        })
        .await?;
    match admission {
        Admission::Admitted => Ok(attempt),
        Admission::Refused { wait } => Err(SignInError::TooManyAttempts { wait }),
    }
}

async fn create_session(
    state: &AppState,
    credentials: Credentials,
    attempt: Attempt,
) -> Result<IssuedSession, SignInError> {
    let refresh_token = RefreshToken::from_bytes(rand::random());
    let now = state.clock.now();
    let new_session = NewSession {
        session_id: state.clock.new_id(),
        token_hash: refresh_token.hash(),
        now,
        expires_at: now + state.tokens.refresh_lifetime(),
        attempt,
    };
    let (member_id, role) = (credentials.member_id, credentials.role);
    let credentials = Arc::new(credentials);
    state
        .database
        .run_tx("sign_in", move |connection| {
            let credentials = Arc::clone(&credentials);
            Box::pin(async move { new_session.insert(connection, &credentials).await })
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
    attempt: Attempt,
}

impl NewSession {
    /// Stores the session. Fails if the account was closed or its password was changed after the password was verified:
    /// that change has revoked all sessions, and this one must not survive it.
    async fn insert(self, connection: &mut Connection, credentials: &Credentials) -> Result<(), SignInError> {
        if !members::db::lock_credentials(connection, credentials).await? {
            return Err(SignInError::BadCredentials);
        }
        sessions::insert(connection, self.session_id, credentials.member_id, self.now, self.expires_at)
            .await?;
        refresh_tokens::insert(connection, self.token_hash, self.session_id, 0, self.now).await?;
        Ok(self.attempt.record_success(connection).await?)
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
                let create = async |connection: &mut Connection| {
                    let new_session = NewSession {
                        session_id: clock.new_id(),
                        token_hash: rand::random(),
                        now,
                        expires_at: now,
                        attempt: Attempt::new(&email, None),
                    };
                    new_session.insert(connection, &verified).await
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
