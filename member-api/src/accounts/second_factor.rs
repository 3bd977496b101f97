//! Turning the second factor of a member on and off.

use access::{Principal, Role};
use idempotency::{KeepError, KeptAnswer, Reply};
use time::OffsetDateTime;
use totp_rs::TotpError;
use uuid::Uuid;

use crate::client::Client;
use crate::members::{self, Email, PasswordAttempt};
use crate::otp::keys::OtpKeyError;
use crate::otp::second_factor::take_code;
use crate::otp::{self, OtpCode, OtpSecret};
use crate::security_events::{Kind, Outcome};
use crate::sessions::attempt::Standings;
use crate::sessions::password_check::{
    Checked, Purpose, SignInError, check_password, find_member, refuse_code,
};
use crate::state::AppState;

/// A secret that was made for a member. It is sealed until the member is shown it, so that a kept answer does not give it away.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// The address that names the account in an authenticator.
    pub email: Email,
    /// The sealed secret.
    pub sealed_secret: String,
}

/// Why no second factor was begun.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// The account is closed.
    #[error("the account is closed")]
    NoAccount,
    /// There is one in force.
    #[error("a second factor is in force")]
    InForce,
    /// The secret can't be sealed.
    #[error("the secret could not be sealed")]
    Key(#[from] OtpKeyError),
    /// The request was answered before, or its answer could not be stored.
    #[error("the answer could not be stored")]
    Keep(#[from] KeepError),
    /// The database failed.
    #[error("the second factor could not be stored")]
    Database(#[from] sqlx::Error),
}

/// Makes a secret for a member. It is not in force before [`confirm`], and replaces one that is not in force either.
pub async fn begin(
    state: &AppState,
    principal: Principal,
    (request_id, now): (Uuid, OffsetDateTime),
    reply: Reply<Enrolment>,
) -> Result<KeptAnswer, BeginError> {
    let member_id = principal.member_id;
    let sealed_secret = state.otp_keys.seal(member_id, &OtpSecret::from_bytes(rand::random()))?;
    let begin = state.database.run_tx("otp_begin", move |connection| {
        let (sealed_secret, reply) = (sealed_secret.clone(), reply.clone());
        Box::pin(async move {
            let member = members::db::lock(connection, member_id).await?.ok_or(BeginError::NoAccount)?;
            // First, so that an equal request in another instance waits for its key, and does not make another secret.
            let enrolment = Enrolment { email: member.email, sealed_secret: sealed_secret.clone() };
            let answer = reply.keep(connection, enrolment).await?;
            let present = otp::db::lock(connection, member_id).await?;
            if present.is_some_and(|present| present.confirmed_at.is_some()) {
                return Err(BeginError::InForce);
            }
            otp::db::replace(connection, member_id, request_id, &sealed_secret, now).await?;
            Ok(answer)
        })
    });
    begin.await
}

/// Why a second factor was not put into force.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// None was begun.
    #[error("no second factor was begun")]
    NotBegun,
    /// The code is not that of its secret at this moment.
    #[error("the one-time password is wrong")]
    Wrong,
    /// The secret can't be opened.
    #[error("the secret could not be opened")]
    Key(#[from] OtpKeyError),
    /// The secret makes no codes.
    #[error("the secret makes no codes")]
    Totp(#[from] TotpError),
    /// The database failed.
    #[error("the second factor could not be stored")]
    Database(#[from] sqlx::Error),
}

/// Puts a second factor into force, if the member proves that an authenticator has its secret. One that is in force stays so, so that
/// the request can be sent again.
pub async fn confirm(
    state: &AppState,
    principal: Principal,
    code: OtpCode,
    client: &Client,
) -> Result<(), ConfirmError> {
    let (member_id, now, keys) = (principal.member_id, state.clock.now(), state.otp_keys.clone());
    let event =
        |outcome| state.trail.event(Kind::OtpOn, outcome, member_id, client).in_session(principal.session_id);
    let (succeeded, failed) = (event(Outcome::Succeeded), event(Outcome::WrongOtp));
    let confirm = state.database.run_tx("otp_confirm", move |connection| {
        let (keys, code, succeeded, failed) = (keys.clone(), code.clone(), succeeded.clone(), failed.clone());
        Box::pin(async move {
            members::db::lock(connection, member_id).await?.ok_or(ConfirmError::NotBegun)?;
            let begun = otp::db::lock(connection, member_id).await?.ok_or(ConfirmError::NotBegun)?;
            if begun.confirmed_at.is_some() {
                return Ok(true);
            }
            let secret = keys.open(member_id, &begun.sealed_secret)?;
            let Some(step) = secret.step_of(&code, now)? else {
                failed.record(connection).await?;
                return Ok(false);
            };
            otp::db::confirm(connection, member_id, Some(step), now).await?;
            // From now on the secret is in the authenticator, and no repetition shows it again.
            idempotency::forget_made(connection, begun.request_id, begun.created_at).await?;
            succeeded.record(connection).await?;
            Ok::<_, ConfirmError>(true)
        })
    });
    if confirm.await? { Ok(()) } else { Err(ConfirmError::Wrong) }
}

/// Why a second factor was not turned off.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// Administrators need one.
    #[error("an administrator keeps the second factor")]
    Required,
    /// The password or the code was not taken.
    #[error("the password or the one-time password was not taken")]
    SignIn(#[from] SignInError),
}

/// Turns the second factor of a member off who knows the password and has a code. Both count like those of a sign-in. If there is no
/// second factor, the password alone is checked.
pub async fn remove(
    state: &AppState,
    principal: Principal,
    (password, code): (PasswordAttempt, OtpCode),
    client: &Client,
    standings: &mut Standings,
) -> Result<(), RemoveError> {
    if principal.role == Role::Admin && state.otp_keys.are_required_for_admins() {
        return Err(RemoveError::Required);
    }
    let member_id = principal.member_id;
    let email = find_member(state, member_id).await?.email;
    let checked = check_password(state, Purpose::OTP_OFF, email, client, password, standings).await?;
    // The turn lasts until a wrong code is counted.
    let Checked { credentials, mut attempt, turn, .. } = checked;
    let (keys, now) = (state.otp_keys.clone(), state.clock.now());
    let event = state.trail.event(Kind::OtpOff, Outcome::Succeeded, member_id, client);
    let event = event.in_session(principal.session_id);
    let right = attempt.clone();
    let remove = state.database.run_tx("otp_remove", move |connection| {
        let (keys, credentials, right) = (keys.clone(), credentials.clone(), right.clone());
        let (code, event) = (code.clone(), event.clone());
        Box::pin(async move {
            if credentials.member_id != member_id
                || !members::db::lock_credentials(connection, &credentials).await?
            {
                return Err(SignInError::BadCredentials);
            }
            let was_in_force = take_code(connection, &keys, member_id, Some(&code), now).await?;
            otp::db::delete(connection, member_id).await?;
            if was_in_force {
                event.record(connection).await?;
            }
            Ok(right.record_success(connection, member_id, now).await?)
        })
    });
    let removed = remove.await;
    if let Err(SignInError::Otp(error)) = &removed {
        let refused = refuse_code(state, Purpose::OTP_OFF, member_id, client, &mut attempt, error, standings);
        refused.await.map_err(SignInError::from)?;
    }
    drop(turn);
    Ok(removed?)
}
