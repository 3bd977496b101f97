//! Checking the password of somebody who signs in, or who is signed in and proves it again.

use std::time::Duration;

use access::MemberId;

use crate::client::Client;
use crate::members::db::Credentials;
use crate::members::password_hasher::{HashTurn, PasswordError, Verdict};
use crate::members::{self, Email, HashKind, Member, PasswordAttempt};
use crate::otp::second_factor::OtpError;
use crate::security_events::{Kind, Outcome};
use crate::sessions::attempt::{Attempt, Refused, Standings};
use crate::state::AppState;

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
    /// The account has a second factor, and its code was missing or wrong, or could not be looked at.
    #[error("the one-time password was not taken")]
    Otp(#[from] OtpError),
    /// The password could not be verified.
    #[error("the password could not be verified")]
    Password(#[from] PasswordError),
    /// The database failed, and nothing has changed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl From<Refused> for SignInError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Wait(wait) => Self::TooManyAttempts { wait },
            Refused::Database(error) => Self::Database(error),
        }
    }
}

/// A password that was right.
pub struct Checked {
    /// The account, as it was when the password was verified.
    pub credentials: Credentials,
    /// The hash to replace the stored one with, which is older than the rule for passwords.
    pub renewed_hash: Option<String>,
    /// The attempt, whose success the caller records together with what it does.
    pub attempt: Attempt,
    /// The turn in which the password was hashed. The caller can hash another one in it.
    pub turn: HashTurn,
}

/// What somebody proves the password for.
#[derive(Clone, Copy, Debug)]
pub struct Purpose {
    /// The queue for the hash.
    pub hash: HashKind,
    /// What a failure is recorded as.
    pub event: Kind,
}

impl Purpose {
    /// Signing in.
    pub const SIGN_IN: Self = Self { hash: HashKind::SignIn, event: Kind::SignIn };
    /// Signing up again by the same key, which proves the password as signing in does.
    pub const SIGN_UP: Self = Self { hash: HashKind::SignUp, event: Kind::SignIn };
    /// Turning the second factor off.
    pub const OTP_OFF: Self = Self { hash: HashKind::PasswordChange, event: Kind::OtpOff };
    /// Changing the password.
    pub const PASSWORD_CHANGE: Self = Self { hash: HashKind::PasswordChange, event: Kind::PasswordChange };
}

/// The member whose password [`check_password`] is to check.
pub async fn find_member(state: &AppState, member_id: MemberId) -> Result<Member, SignInError> {
    let find = state
        .database
        .read("member_find", move |connection| Box::pin(members::db::find(connection, member_id)));
    find.await?.ok_or(SignInError::BadCredentials)
}

/// Checks the password of the account with this email. An unknown email and a wrong password take the same steps, and so the same
/// time. In every case `standings` is set to what is left of the limits.
///
/// The failures are read after the attempt has its turn to hash, and a failure is counted before the turn ends. So a burst of
/// guesses can exceed the limit only by the number of passwords that are hashed at once.
pub async fn check_password(
    state: &AppState,
    purpose: Purpose,
    email: Email,
    client: &Client,
    password: PasswordAttempt,
    standings: &mut Standings,
) -> Result<Checked, SignInError> {
    let (mut credentials, mut attempt) = look(state, purpose, &email, client, standings).await?;
    let turn = state.password_hasher.turn(purpose.hash).await?;
    if turn.waited() {
        (credentials, attempt) = look(state, purpose, &email, client, standings).await?;
    }
    let member_id = credentials.as_ref().map(|credentials| credentials.member_id);
    if let Err(refused) = attempt.claim(&state.database, state.clock.now()).await {
        if let Refused::Wait(_) = refused {
            note_throttled(state, purpose, &email, member_id, client);
        }
        return Err(refused.into());
    }
    let hash = credentials.as_ref().map(|credentials| credentials.password_hash.clone());
    let verdict = turn.verify(password, hash).await?;
    match (credentials, verdict) {
        (Some(credentials), Verdict::Right) => {
            return Ok(Checked { credentials, renewed_hash: None, attempt, turn });
        }
        (Some(credentials), Verdict::RightAsTyped { renewed }) => {
            return Ok(Checked { credentials, renewed_hash: Some(renewed), attempt, turn });
        }
        (None, _) | (_, Verdict::Wrong) => {}
    }
    let now = state.clock.now();
    let event = state.trail.event(purpose.event, Outcome::WrongPassword, member_id, client);
    attempt.record_failure(&state.database, Some(event), now).await?;
    *standings = attempt.standings(now);
    Err(SignInError::BadCredentials)
}

/// Records that a right password came without the right code. A wrong code counts as a wrong password does. A missing one does not:
/// a program may find out like this that it has to ask for one.
pub async fn refuse_code(
    state: &AppState,
    purpose: Purpose,
    member_id: MemberId,
    client: &Client,
    attempt: &mut Attempt,
    error: &OtpError,
    standings: &mut Standings,
) -> sqlx::Result<()> {
    let now = state.clock.now();
    let event = |outcome| state.trail.event(purpose.event, outcome, member_id, client);
    match error {
        OtpError::Wrong => {
            attempt.record_failure(&state.database, Some(event(Outcome::WrongOtp)), now).await?;
            *standings = attempt.standings(now);
        }
        OtpError::Missing => attempt.give_up(&state.database, event(Outcome::OtpRequired), now).await?,
        OtpError::Key(_) | OtpError::Totp(_) | OtpError::Database(_) => {}
    }
    Ok(())
}

/// Finds the account, and fails if the attempt must wait.
async fn look(
    state: &AppState,
    purpose: Purpose,
    email: &Email,
    client: &Client,
    standings: &mut Standings,
) -> Result<(Option<Credentials>, Attempt), SignInError> {
    let now = state.clock.now();
    let (throttle, looked_at, address) = (state.throttle.clone(), email.clone(), client.address);
    let look = state.database.read("sign_in_look", move |connection| {
        Box::pin(async move {
            let credentials = members::db::find_credentials(connection, &looked_at).await?;
            let member_id = credentials.as_ref().map(|credentials| credentials.member_id);
            let subjects = throttle.subjects(&looked_at, address);
            let attempt = throttle.look_at_account(connection, subjects, member_id, now).await?;
            Ok::<_, sqlx::Error>((credentials, attempt))
        })
    });
    let (credentials, attempt) = look.await?;
    *standings = attempt.standings(now);
    match attempt.wait(now) {
        Duration::ZERO => Ok((credentials, attempt)),
        wait => {
            let member_id = credentials.map(|credentials| credentials.member_id);
            note_throttled(state, purpose, email, member_id, client);
            Err(SignInError::TooManyAttempts { wait })
        }
    }
}

fn note_throttled(
    state: &AppState,
    purpose: Purpose,
    email: &Email,
    member_id: Option<MemberId>,
    client: &Client,
) {
    let event = state.trail.event(purpose.event, Outcome::Throttled, member_id, client);
    event.note(state.throttle.subjects(email, None).account);
}
