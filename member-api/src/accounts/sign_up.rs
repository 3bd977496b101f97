//! Signing up: creates the account and its wallet in one transaction.

use std::sync::Arc;

use access::{MemberId, Role};
use clock::Clock;
use database::Connection;
use database::Database;

use crate::members::password_hasher::{PasswordError, PasswordHasher};
use crate::members::{self, Email, Member, MemberName, NewPassword, Phone};
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

/// Why no member was created.
#[derive(Debug, thiserror::Error)]
pub enum SignUpError {
    /// The email belongs to another member.
    #[error("the email belongs to a member already")]
    EmailTaken,
    /// The password could not be hashed.
    #[error("the member's password could not be hashed")]
    Password(#[from] PasswordError),
    /// The database failed, and no member was created.
    #[error("the member could not be stored")]
    Database(#[from] sqlx::Error),
}

/// Creates a member with an empty wallet. If two requests use the same email at once, one of them gets
/// [`SignUpError::EmailTaken`].
pub async fn sign_up(
    database: &Database,
    clock: &Clock,
    password_hasher: &PasswordHasher,
    new_member: NewMember,
) -> Result<Member, SignUpError> {
    let NewMember { role, email, password, name, phone } = new_member;
    let password_hash = password_hasher.hash(password).await?;
    let id = MemberId(clock.new_id());
    let member = Member { id, role, email, name, phone, created_at: clock.now() };
    let stored = Arc::new((member.clone(), password_hash));
    database
        .run_tx("sign_up", move |connection| {
            let stored = Arc::clone(&stored);
            Box::pin(async move { store(connection, &stored.0, &stored.1).await })
        })
        .await?;
    metrics::counter!("members_created_total", "role" => role.as_str()).increment(1);
    Ok(member)
}

async fn store(connection: &mut Connection, member: &Member, password_hash: &str) -> Result<(), SignUpError> {
    members::db::insert(connection, member, password_hash).await.map_err(|error| {
        match database::duplicate_key(&error) {
            Some(members::db::EMAIL_KEY) => SignUpError::EmailTaken,
            _ => error.into(),
        }
    })?;
    Ok(wallets::open(connection, member.id).await?)
}
