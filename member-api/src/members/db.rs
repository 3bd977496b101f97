//! The table `members`.

use access::{MemberId, Role};
use database::Connection;
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::unknown;
use crate::members::{Email, Member, MemberName, Phone};

/// The key that keeps emails unique.
pub const EMAIL_KEY: &str = "members_email_key";

/// What a sign-in needs of an open account.
#[derive(Clone)]
pub struct Credentials {
    /// Whose.
    pub member_id: MemberId,
    /// What it may do.
    pub role: Role,
    /// The PHC string of its password.
    pub password_hash: String,
}

/// Stores a new member. Runs into [`EMAIL_KEY`] where the email belongs to somebody.
pub async fn insert(connection: &mut Connection, member: &Member, password_hash: &str) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO members (id, role, email, password_hash, name, phone, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(member.id.0)
    .bind(member.role.as_str())
    .bind(member.email.as_str())
    .bind(password_hash)
    .bind(member.name.as_str())
    .bind(member.phone.as_ref().map(Phone::as_str))
    .bind(member.created_at)
    .bind(member.created_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// An open account.
pub async fn find(connection: &mut Connection, id: MemberId) -> sqlx::Result<Option<Member>> {
    let row: Option<MemberRow> = sqlx::query_as(
        "SELECT id, role, email, name, phone, created_at FROM members WHERE id = ? AND closed_at IS NULL",
    )
    .bind(id.0)
    .fetch_optional(connection)
    .await?;
    row.map(Member::try_from).transpose()
}

/// The name of a member, also of one who has left.
pub async fn find_name(connection: &mut Connection, id: MemberId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("SELECT name FROM members WHERE id = ?").bind(id.0).fetch_optional(connection).await
}

/// The credentials of the open account with this email.
pub async fn find_credentials(
    connection: &mut Connection,
    email: &Email,
) -> sqlx::Result<Option<Credentials>> {
    let row: Option<CredentialsRow> =
        sqlx::query_as("SELECT id, role, password_hash FROM members WHERE email = ? AND closed_at IS NULL")
            .bind(email.as_str())
            .fetch_optional(connection)
            .await?;
    row.map(Credentials::try_from).transpose()
}

/// Whether these credentials are still those of the open account, which is locked until the transaction ends.
pub async fn lock_credentials(connection: &mut Connection, credentials: &Credentials) -> sqlx::Result<bool> {
    let hash: Option<String> =
        sqlx::query_scalar("SELECT password_hash FROM members WHERE id = ? AND closed_at IS NULL FOR UPDATE")
            .bind(credentials.member_id.0)
            .fetch_optional(connection)
            .await?;
    Ok(hash.as_ref() == Some(&credentials.password_hash))
}

/// The email of an open account, and the stored hash of its password.
pub async fn find_password(
    connection: &mut Connection,
    id: MemberId,
) -> sqlx::Result<Option<(Email, String)>> {
    let row: Option<(String, String)> =
        sqlx::query_as("SELECT email, password_hash FROM members WHERE id = ? AND closed_at IS NULL")
            .bind(id.0)
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(email, hash)| (email.into(), hash)))
}

/// The role of an open account.
pub async fn find_role(connection: &mut Connection, id: MemberId) -> sqlx::Result<Option<Role>> {
    let role: Option<String> =
        sqlx::query_scalar("SELECT role FROM members WHERE id = ? AND closed_at IS NULL")
            .bind(id.0)
            .fetch_optional(connection)
            .await?;
    role.map(|role| role_of(&role)).transpose()
}

/// Stores name and phone as they are now.
pub async fn update_profile(
    connection: &mut Connection,
    member: &Member,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE members SET name = ?, phone = ?, updated_at = ? WHERE id = ? AND closed_at IS NULL")
        .bind(member.name.as_str())
        .bind(member.phone.as_ref().map(Phone::as_str))
        .bind(now)
        .bind(member.id.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// An open account, locked until the transaction ends.
pub async fn lock(connection: &mut Connection, id: MemberId) -> sqlx::Result<Option<Member>> {
    let row: Option<MemberRow> = sqlx::query_as(
        "SELECT id, role, email, name, phone, created_at FROM members WHERE id = ? AND closed_at IS NULL FOR UPDATE",
    )
    .bind(id.0)
    .fetch_optional(connection)
    .await?;
    row.map(Member::try_from).transpose()
}

/// Replaces the password's hash. False where it is no longer `old_hash`.
pub async fn replace_password(
    connection: &mut Connection,
    id: MemberId,
    old_hash: &str,
    new_hash: &str,
    now: OffsetDateTime,
) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "UPDATE members SET password_hash = ?, updated_at = ? \
         WHERE id = ? AND password_hash = ? AND closed_at IS NULL",
    )
    .bind(new_hash)
    .bind(now)
    .bind(id.0)
    .bind(old_hash)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Closes an account: nothing personal is left in it, and its email is free.
pub async fn close(connection: &mut Connection, id: MemberId, now: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE members SET email = NULL, password_hash = NULL, name = ?, phone = NULL, updated_at = ?, closed_at = ? \
         WHERE id = ? AND closed_at IS NULL",
    )
    .bind(MemberName::OF_A_CLOSED_ACCOUNT)
    .bind(now)
    .bind(now)
    .bind(id.0)
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(FromRow)]
struct MemberRow {
    id: Uuid,
    role: String,
    email: String,
    name: String,
    phone: Option<String>,
    created_at: OffsetDateTime,
}

impl TryFrom<MemberRow> for Member {
    type Error = sqlx::Error;

    fn try_from(row: MemberRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: MemberId(row.id),
            role: role_of(&row.role)?,
            email: row.email.into(),
            name: row.name.into(),
            phone: row.phone.map(Phone::from),
            created_at: row.created_at,
        })
    }
}

#[derive(FromRow)]
struct CredentialsRow {
    id: Uuid,
    role: String,
    password_hash: String,
}

impl TryFrom<CredentialsRow> for Credentials {
    type Error = sqlx::Error;

    fn try_from(row: CredentialsRow) -> sqlx::Result<Self> {
        Ok(Self { member_id: MemberId(row.id), role: role_of(&row.role)?, password_hash: row.password_hash })
    }
}

fn role_of(name: &str) -> sqlx::Result<Role> {
    Role::from_name(name).ok_or_else(|| unknown("role", name))
}
