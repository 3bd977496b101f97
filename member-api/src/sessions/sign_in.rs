//! Signing in.

use std::sync::Arc;

use access::{Principal, Role};
use database::Connection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::client::Client;
use crate::members::db::Credentials;
use crate::members::password_hasher::{HashTurn, PasswordError, Verdict};
use crate::members::{self, Email, PasswordAttempt};
use crate::otp::OtpCode;
use crate::otp::keys::OtpKeys;
use crate::otp::second_factor::{OtpError, take_code};
use crate::security_events::{Kind, Outcome};
use crate::sessions::attempt::{Attempt, Standings};
use crate::sessions::db::{refresh_tokens, sessions};
use crate::sessions::password_check::{Checked, Purpose, SignInError, check_password, refuse_code};
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

/// What somebody sends to sign in.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The email of the account.
    pub email: Email,
    /// Its password.
    pub password: PasswordAttempt,
    /// A code, if the account has a second factor.
    pub otp: Option<OtpCode>,
}

/// Creates a session of the member with this email, if the password is right, and so is the code of a member who has a second
/// factor. `standings` becomes what is left of the limits on failed attempts.
pub async fn sign_in(
    state: &AppState,
    request: SignIn,
    client: Client,
    standings: &mut Standings,
) -> Result<IssuedSession, SignInError> {
    let result = try_to_sign_in(state, request, client, standings).await;
    let outcome = match &result {
        Ok(_) => "signed_in",
        Err(SignInError::BadCredentials) => "bad_credentials",
        Err(SignInError::Otp(OtpError::Missing)) => "otp_required",
        Err(SignInError::Otp(OtpError::Wrong)) => "wrong_otp",
        Err(SignInError::TooManyAttempts { .. }) => "throttled",
        Err(SignInError::Password(PasswordError::Busy)) => "busy",
        Err(SignInError::Password(_) | SignInError::Database(_) | SignInError::Otp(_)) => "failed",
    };
    metrics::counter!("sign_ins_total", "outcome" => outcome).increment(1);
    result
}

async fn try_to_sign_in(
    state: &AppState,
    request: SignIn,
    client: Client,
    standings: &mut Standings,
) -> Result<IssuedSession, SignInError> {
    let SignIn { email, password, otp } = request;
    let typed = password.clone();
    let checked = check_password(state, Purpose::SIGN_IN, email.clone(), &client, typed, standings).await?;
    let Checked { credentials, renewed_hash, attempt, turn } = checked;
    // A code is a guess, too: if it is wrong, that is counted before the next guess is looked at.
    let turn = (renewed_hash.is_some() || otp.is_some()).then_some(turn);
    let proven = Proven { credentials, renewed_hash, attempt, otp, client };
    let mut created = create_session(state, proven.clone()).await;
    if let (Err(SignInError::BadCredentials), Some(_), Some(turn)) = (&created, &proven.renewed_hash, &turn) {
        // Another sign-in may have renewed the hash meanwhile.
        created = match verify_again(state, email, password, turn).await {
            Ok(credentials) => {
                create_session(state, Proven { credentials, renewed_hash: None, ..proven.clone() }).await
            }
            Err(error) => Err(error),
        };
    }
    if let Err(SignInError::Otp(error)) = &created {
        let Proven { credentials, mut attempt, client, .. } = proven;
        let purpose = Purpose::SIGN_IN;
        refuse_code(state, purpose, credentials.member_id, &client, &mut attempt, error, standings).await?;
    }
    created
}

/// Verifies the password by the hash that is stored now.
async fn verify_again(
    state: &AppState,
    email: Email,
    password: PasswordAttempt,
    turn: &HashTurn,
) -> Result<Credentials, SignInError> {
    let find = state.database.read("sign_in_look", move |connection| {
        let email = email.clone();
        Box::pin(async move { members::db::find_credentials(connection, &email).await })
    });
    let credentials = find.await?.ok_or(SignInError::BadCredentials)?;
    match turn.verify(password, Some(credentials.password_hash.clone())).await? {
        Verdict::Right => Ok(credentials),
        Verdict::Wrong | Verdict::RightAsTyped { .. } => Err(SignInError::BadCredentials),
    }
}

/// A password that was right, and what came with it.
#[derive(Clone)]
struct Proven {
    credentials: Credentials,
    renewed_hash: Option<String>,
    attempt: Attempt,
    otp: Option<OtpCode>,
    client: Client,
}

async fn create_session(state: &AppState, proven: Proven) -> Result<IssuedSession, SignInError> {
    let refresh_token = RefreshToken::from_bytes(rand::random());
    let now = state.clock.now();
    let new_session = NewSession {
        session_id: state.clock.new_id(),
        token_hash: refresh_token.hash(),
        now,
        expires_at: now + state.tokens.refresh_lifetime().min(state.tokens.session_lifetime()),
    };
    let (member_id, role) = (proven.credentials.member_id, proven.credentials.role);
    let event = state.trail.event(Kind::SignIn, Outcome::Succeeded, member_id, &proven.client);
    let event = event.in_session(new_session.session_id);
    let (otp_keys, proven) = (state.otp_keys.clone(), Arc::new((proven, event)));
    state
        .database
        .run_tx("sign_in", move |connection| {
            let (otp_keys, proven) = (otp_keys.clone(), Arc::clone(&proven));
            Box::pin(async move {
                let (proven, event) = &*proven;
                new_session.insert(connection, proven, &otp_keys).await?;
                if let Some(renewed) = &proven.renewed_hash {
                    let (id, old) = (proven.credentials.member_id, &proven.credentials.password_hash);
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
        proven: &Proven,
        otp_keys: &OtpKeys,
    ) -> Result<(), SignInError> {
        let Proven { credentials, attempt, otp, client, .. } = proven;
        if !members::db::lock_credentials(connection, credentials).await? {
            return Err(SignInError::BadCredentials);
        }
        let member_id = credentials.member_id;
        let has_factor = take_code(connection, otp_keys, member_id, otp.as_ref(), self.now).await?;
        if !has_factor && credentials.role == Role::Admin && otp_keys.are_required_for_admins() {
            return Err(OtpError::Missing.into());
        }
        sessions::insert(connection, self.session_id, member_id, client, self.now, self.expires_at).await?;
        refresh_tokens::insert(connection, self.token_hash, self.session_id, 0, self.now).await?;
        Ok(attempt.record_success(connection, member_id, self.now).await?)
    }
}

#[cfg(test)]
mod tests {
    use access::MemberId;
    use clock::Clock;
    use database::Database;
    use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

    use super::*;
    use crate::members::Member;
    use crate::settings;

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
                let otp_keys = OtpKeys::new(settings::Otp::default().into());
                let proven = Proven {
                    credentials: verified.clone(),
                    renewed_hash: None,
                    attempt: Attempt::unlimited(),
                    otp: None,
                    client: Client::default(),
                };
                let create = async |connection: &mut Connection| {
                    let new_session = NewSession {
                        session_id: clock.new_id(),
                        token_hash: rand::random(),
                        now,
                        expires_at: now,
                    };
                    new_session.insert(connection, &proven, &otp_keys).await
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
