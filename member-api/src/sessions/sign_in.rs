//! Beginning a session, and asking for a password in the midst of one.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use access::Principal;
use database::Connection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::members::db::Credentials;
use crate::members::passwords::PasswordError;
use crate::members::{self, Email, PasswordAttempt};
use crate::sessions::db::{refresh_tokens, sessions};
use crate::sessions::throttle::{Admission, Attempt};
use crate::sessions::{RefreshToken, TokenHash};
use crate::state::AppState;

/// A session, and the token that keeps it going.
#[derive(Debug)]
pub struct Session {
    /// Whom an access token is to be made for.
    pub principal: Principal,
    /// The only copy of it: what is stored is its hash.
    pub refresh_token: RefreshToken,
}

/// Why no session began, or a password was not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// No open account has this email with this password.
    #[error("the email or the password is wrong")]
    BadCredentials,
    /// Too many attempts on the account or from the address have failed.
    #[error("too many attempts have failed")]
    TooManyAttempts {
        /// After how long it is worth trying again.
        wait: Duration,
    },
    /// The password could not be compared.
    #[error("the password could not be compared")]
    Password(#[from] PasswordError),
    /// The database failed; no session began.
    #[error("the session could not be stored")]
    Database(#[from] sqlx::Error),
}

/// Begins a session of the member with this email, if the password is right. An unknown email and a wrong password
/// take the same way, and so the same time, to the same answer.
pub async fn sign_in(
    state: &AppState,
    email: Email,
    password: PasswordAttempt,
    address: Option<IpAddr>,
) -> Result<Session, SignInError> {
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
) -> Result<Session, SignInError> {
    let attempt = admit(state, &email, address).await?;
    let find = state.database.read("credentials_find", move |db| {
        Box::pin(async move { members::db::find_credentials(db, &email).await })
    });
    let credentials = find.await?;
    let hash = credentials.as_ref().map(|credentials| credentials.password_hash.clone());
    let right = state.passwords.verify(password, hash).await?;
    let credentials = credentials.filter(|_| right).ok_or(SignInError::BadCredentials)?;
    begin(state, credentials, attempt).await
}

/// Whether the password is that of the stored hash, within the limits of sign-ins: a stolen access token is no way to
/// guess at leisure.
pub async fn confirm_password(
    state: &AppState,
    email: &Email,
    password: PasswordAttempt,
    hash: String,
) -> Result<(), SignInError> {
    let attempt = admit(state, email, None).await?;
    if !state.passwords.verify(password, Some(hash)).await? {
        return Err(SignInError::BadCredentials);
    }
    let forgiven = state
        .database
        .run_tx("sign_in_forgive", move |tx| Box::pin(async move { attempt.forgive(tx).await }));
    Ok(forgiven.await?)
}

async fn admit(state: &AppState, email: &Email, address: Option<IpAddr>) -> Result<Attempt, SignInError> {
    let attempt = Attempt::new(email, address);
    let (limits, now) = (state.sign_in_limits.clone(), state.clock.now());
    let admission = state
        .database
        .run_tx("sign_in_count", move |tx| {
            let limits = limits.clone();
            Box::pin(async move { attempt.count(tx, &limits, now).await })
        })
        .await?;
    match admission {
        Admission::Admitted => Ok(attempt),
        Admission::Refused { wait } => Err(SignInError::TooManyAttempts { wait }),
    }
}

async fn begin(state: &AppState, credentials: Credentials, attempt: Attempt) -> Result<Session, SignInError> {
    let refresh_token = RefreshToken::of(rand::random());
    let now = state.clock.now();
    let beginning = Beginning {
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
        .run_tx("sign_in", move |tx| {
            let credentials = Arc::clone(&credentials);
            Box::pin(async move { beginning.store(tx, &credentials).await })
        })
        .await?;
    Ok(Session { principal: Principal { member_id, role, session_id: beginning.session_id }, refresh_token })
}

/// A session that is about to begin.
#[derive(Clone, Copy)]
struct Beginning {
    session_id: Uuid,
    token_hash: TokenHash,
    now: OffsetDateTime,
    expires_at: OffsetDateTime,
    attempt: Attempt,
}

impl Beginning {
    /// Stores it, unless the account was closed or got another password while this one was compared: then its sessions
    /// have been ended already, and this one would be left.
    async fn store(self, tx: &mut Connection, credentials: &Credentials) -> Result<(), SignInError> {
        if !members::db::lock_credentials(tx, credentials).await? {
            return Err(SignInError::BadCredentials);
        }
        sessions::insert(tx, self.session_id, credentials.member_id, self.now, self.expires_at).await?;
        refresh_tokens::insert(tx, self.token_hash, self.session_id, 0, self.now).await?;
        Ok(self.attempt.forgive(tx).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use access::Role;
    use clock::Clock;
    use database::Database;
    use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

    use super::*;
    use crate::accounts::sign_up::{SignUp, sign_up};
    use crate::members::passwords::Passwords;

    #[sqlx::test(migrations = "./migrations")]
    async fn no_session_begins_with_a_password_that_was_changed_meanwhile(
        _: MySqlPoolOptions,
        options: MySqlConnectOptions,
    ) {
        let (database, clock) = (Database::from_options(options), Clock::system());
        let passwords = Passwords::new(NonZeroUsize::MIN).unwrap();
        let email = Email::from("kim@example.com".to_owned());
        let order = SignUp {
            role: Role::Customer,
            email: email.clone(),
            password: "macaron-tower-7".to_owned().into(),
            name: "kim".to_owned().into(),
            phone: None,
        };
        let member = sign_up(&database, &clock, &passwords, order).await.unwrap();
        let steps = database.run_autocommit("steps", move |db| {
            Box::pin(async move {
                let compared = members::db::find_credentials(db, &email).await?.unwrap();
                let now = clock.now();
                let begin = async |db: &mut Connection| {
                    let beginning = Beginning {
                        session_id: clock.new_id(),
                        token_hash: rand::random(),
                        now,
                        expires_at: now,
                        attempt: Attempt::new(&email, None),
                    };
                    beginning.store(db, &compared).await
                };
                begin(db).await.unwrap();
                assert!(
                    members::db::replace_password(db, member.id, &compared.password_hash, "other", now)
                        .await?
                );
                assert!(matches!(begin(db).await, Err(SignInError::BadCredentials)));
                sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM sessions").fetch_one(db).await
            })
        });
        assert_eq!(steps.await.unwrap(), 1);
    }
}
