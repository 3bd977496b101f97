//! Making a member: the account and its wallet, or neither.

use std::sync::Arc;

use access::{MemberId, Role};
use clock::Clock;
use database::Connection;
use database::Database;

use crate::members::passwords::{PasswordError, Passwords};
use crate::members::{self, Email, Member, MemberName, NewPassword, Phone};
use crate::wallet::db::wallets;

/// Who signs up, and as what.
#[derive(Clone, Debug)]
pub struct SignUp {
    /// Fixed by the way in, never by the client.
    pub role: Role,
    /// The address to sign in with.
    pub email: Email,
    /// The password to sign in with.
    pub password: NewPassword,
    /// What to call the member.
    pub name: MemberName,
    /// A number to reach the member.
    pub phone: Option<Phone>,
}

/// Why no member was made.
#[derive(Debug, thiserror::Error)]
pub enum SignUpError {
    /// A member has the email already.
    #[error("the email belongs to a member already")]
    EmailTaken,
    /// The password could not be hashed.
    #[error("the member's password could not be hashed")]
    Password(#[from] PasswordError),
    /// The database failed; no member was made.
    #[error("the member could not be stored")]
    Database(#[from] sqlx::Error),
}

/// Makes a member with an empty wallet. Of two at once with the same email, one hears [`SignUpError::EmailTaken`].
pub async fn sign_up(
    database: &Database,
    clock: &Clock,
    passwords: &Passwords,
    sign_up: SignUp,
) -> Result<Member, SignUpError> {
    let SignUp { role, email, password, name, phone } = sign_up;
    let password_hash = passwords.hash(password).await?;
    let id = MemberId(clock.new_id());
    let member = Member { id, role, email, name, phone, created_at: clock.now() };
    let stored = Arc::new((member.clone(), password_hash));
    database
        .run_tx("sign_up", move |tx| {
            let stored = Arc::clone(&stored);
            Box::pin(async move { store(tx, &stored.0, &stored.1).await })
        })
        .await?;
    metrics::counter!("members_created_total", "role" => role.as_str()).increment(1);
    Ok(member)
}

async fn store(tx: &mut Connection, member: &Member, password_hash: &str) -> Result<(), SignUpError> {
    members::db::insert(tx, member, password_hash).await.map_err(|error| {
        match database::duplicate_key(&error) {
            Some(members::db::EMAIL_KEY) => SignUpError::EmailTaken,
            _ => error.into(),
        }
    })?;
    Ok(wallets::open(tx, member.id).await?)
}
