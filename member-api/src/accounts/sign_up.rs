//! Signing up: creates the account and its wallet in one transaction.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use access::{MemberId, Role};
use clock::Clock;
use database::Connection;
use database::Database;
use idempotency::{KeepError, KeptAnswer, Reply};
use time::OffsetDateTime;

use crate::members::password_hasher::{HashTurn, PasswordError};
use crate::members::{self, Email, HashKind, Member, MemberName, NewPassword, Phone};
use crate::security_events::trail::Event;
use crate::sessions::attempt::{Attempt, Refused, Standings};
use crate::state::AppState;
use crate::wallet::db::wallets;

/// The member to create.
#[derive(Clone, Debug)]
pub struct NewMember {
    /// The role. The route decides it, never the client.
    pub role: Role,
    /// The email to sign in with.
    pub email: Email,
    /// The password to sign in with.
    pub password: NewPassword,
    /// The name of the member.
    pub name: MemberName,
    /// The phone number of the member.
    pub phone: Option<Phone>,
}

/// A request to sign up.
#[derive(Clone, Debug)]
pub struct SignUp {
    /// The id that the member gets.
    pub id: MemberId,
    /// When.
    pub now: OffsetDateTime,
    /// The member to create.
    pub new_member: NewMember,
    /// How it is answered.
    pub reply: Reply<Member>,
    /// What is recorded of it.
    pub event: Option<Event>,
}

impl SignUp {
    /// A sign-up that nobody is told of. `event` tells what is recorded of the new member.
    pub fn unanswered(
        clock: &Clock,
        new_member: NewMember,
        event: impl FnOnce(MemberId) -> Option<Event>,
    ) -> Self {
        let (id, reply) = (MemberId(clock.new_id()), Reply::new(None, |_| ()));
        Self { id, now: clock.now(), new_member, reply, event: event(id) }
    }
}

/// Why no member was created.
#[derive(Debug, thiserror::Error)]
pub enum SignUpError {
    /// The email belongs to another member.
    #[error("the email belongs to a member already")]
    EmailTaken,
    /// Too many sign-ups from the address have asked for emails that are taken.
    #[error("too many sign-ups have failed")]
    TooManyAttempts {
        /// How long to wait before the next one.
        wait: Duration,
    },
    /// The password could not be hashed.
    #[error("the member's password could not be hashed")]
    Password(#[from] PasswordError),
    /// The request was answered before, or its answer could not be stored.
    #[error("the answer could not be stored")]
    Keep(#[from] KeepError),
    /// The database failed, and no member was created.
    #[error("the member could not be stored")]
    Database(#[from] sqlx::Error),
}

impl From<Refused> for SignUpError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Wait(wait) => Self::TooManyAttempts { wait },
            Refused::Database(error) => Self::Database(error),
        }
    }
}

/// Creates a member who signs up from an address. That place is known for the first sign-in. An email that is taken counts as a
/// failure of the address, because the answer tells who is a member. `standings` becomes what is left of the limit.
pub async fn sign_up_from(
    state: &AppState,
    address: Option<IpAddr>,
    sign_up_request: SignUp,
    standings: &mut Standings,
) -> Result<KeptAnswer, SignUpError> {
    let mut attempt = look(state, address, standings).await?;
    let turn = state.password_hasher.turn(HashKind::SignUp).await?;
    if turn.waited() {
        attempt = look(state, address, standings).await?;
    }
    attempt.claim(&state.database, state.clock.now()).await?;
    let result = sign_up(&state.database, &turn, attempt.clone(), sign_up_request).await;
    if let Err(SignUpError::EmailTaken) = result {
        let now = state.clock.now();
        attempt.record_failure(&state.database, None, now).await?;
        *standings = attempt.standings(now);
    }
    result.map(|(_, answer)| answer)
}

async fn look(
    state: &AppState,
    address: Option<IpAddr>,
    standings: &mut Standings,
) -> Result<Attempt, SignUpError> {
    let now = state.clock.now();
    let throttle = state.throttle.clone();
    let look = state.database.read("sign_up_look", move |connection| {
        Box::pin(async move { throttle.look_at_sign_up(connection, address).await })
    });
    let attempt = look.await?;
    *standings = attempt.standings(now);
    match attempt.wait(now) {
        Duration::ZERO => Ok(attempt),
        wait => Err(SignUpError::TooManyAttempts { wait }),
    }
}

/// Creates a member with an empty wallet, in a turn to hash the password. If two requests use the same email at once, one of
/// them gets [`SignUpError::EmailTaken`].
pub async fn sign_up(
    database: &Database,
    turn: &HashTurn,
    attempt: Attempt,
    SignUp { id, now, new_member, reply, event }: SignUp,
) -> Result<(Member, KeptAnswer), SignUpError> {
    let NewMember { role, email, password, name, phone } = new_member;
    let password_hash = turn.hash(password).await?;
    let member = Member { id, role, email, name, phone, created_at: now };
    let stored = Arc::new((member.clone(), password_hash, attempt, event));
    let store = database.run_tx("sign_up", move |connection| {
        let (stored, reply) = (Arc::clone(&stored), reply.clone());
        Box::pin(async move {
            let (member, password_hash, attempt, event) = &*stored;
            // First, so that an equal request in another instance waits for its key, and does not find its own email taken.
            let answer = reply.keep(connection, member.clone()).await?;
            store(connection, member, password_hash, attempt).await?;
            if let Some(event) = event {
                event.record(connection).await?;
            }
            Ok::<_, SignUpError>(answer)
        })
    });
    let answer = store.await?;
    metrics::counter!("members_created_total", "role" => role.as_str()).increment(1);
    Ok((member, answer))
}

async fn store(
    connection: &mut Connection,
    member: &Member,
    password_hash: &str,
    attempt: &Attempt,
) -> Result<(), SignUpError> {
    members::db::insert(connection, member, password_hash).await.map_err(|error| {
        match database::duplicate_key(&error) {
            Some(members::db::EMAIL_KEY) => SignUpError::EmailTaken,
            _ => error.into(),
        }
    })?;
    wallets::open(connection, member.id).await?;
    Ok(attempt.record_success(connection, member.id, member.created_at).await?)
}
