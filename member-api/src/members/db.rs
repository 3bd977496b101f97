//! The table `members`.

use access::{MemberId, Role};
use database::Connection;
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::parse;
use crate::members::{Email, Member, MemberName, Phone};

/// The database key that makes emails unique.
pub const EMAIL_KEY: &str = "members_email_key";

/// What a sign-in needs of an open account.
#[derive(Clone)]
pub struct Credentials {
    /// The member.
    pub member_id: MemberId,
    /// The role of the member.
    pub role: Role,
    /// The PHC string of the password.
    pub password_hash: String,
}

/// Stores a new member. Violates [`EMAIL_KEY`] if another member has the email.
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

/// Finds an open account.
pub async fn find(connection: &mut Connection, id: MemberId) -> sqlx::Result<Option<Member>> {
    let row: Option<MemberRow> = sqlx::query_as(
        "SELECT id, role, email, name, phone, created_at FROM members WHERE id = ? AND closed_at IS NULL",
    )
    .bind(id.0)
    .fetch_optional(connection)
    .await?;
    row.map(Member::try_from).transpose()
}

/// Whether there is an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existence {
    /// It is open.
    Open,
    /// It was closed.
    Closed,
    /// There never was one.
    Never,
}

/// Finds out whether an account exists.
pub async fn find_existence(connection: &mut Connection, id: MemberId) -> sqlx::Result<Existence> {
    let is_closed: Option<bool> =
        sqlx::query_scalar("SELECT closed_at IS NOT NULL FROM members WHERE id = ?")
            .bind(id.0)
            .fetch_optional(connection)
            .await?;
    Ok(match is_closed {
        Some(true) => Existence::Closed,
        Some(false) => Existence::Open,
        None => Existence::Never,
    })
}

/// Finds the name of a member. A closed account has a placeholder name.
pub async fn find_name(connection: &mut Connection, id: MemberId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("SELECT name FROM members WHERE id = ?").bind(id.0).fetch_optional(connection).await
}

/// Finds the credentials of the open account with this email.
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

/// Locks an open account until the transaction ends. Returns whether its credentials are still the given ones.
pub async fn lock_credentials(connection: &mut Connection, credentials: &Credentials) -> sqlx::Result<bool> {
    let hash: Option<String> =
        sqlx::query_scalar("SELECT password_hash FROM members WHERE id = ? AND closed_at IS NULL FOR UPDATE")
            .bind(credentials.member_id.0)
            .fetch_optional(connection)
            .await?;
    Ok(hash.as_ref() == Some(&credentials.password_hash))
}

/// Finds the role of an open account.
pub async fn find_role(connection: &mut Connection, id: MemberId) -> sqlx::Result<Option<Role>> {
    let role: Option<String> =
        sqlx::query_scalar("SELECT role FROM members WHERE id = ? AND closed_at IS NULL")
            .bind(id.0)
            .fetch_optional(connection)
            .await?;
    role.map(|role| parse("role", &role)).transpose()
}

/// Stores the name and phone of a member.
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

/// Finds an open account and locks it until the transaction ends.
pub async fn lock(connection: &mut Connection, id: MemberId) -> sqlx::Result<Option<Member>> {
    let row: Option<MemberRow> = sqlx::query_as(
        "SELECT id, role, email, name, phone, created_at FROM members WHERE id = ? AND closed_at IS NULL FOR UPDATE",
    )
    .bind(id.0)
    .fetch_optional(connection)
    .await?;
    row.map(Member::try_from).transpose()
}

/// Replaces the password hash. Returns false if the stored hash is no longer `old_hash`.
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

/// Closes an account: removes its personal data, so that its email can be used again.
pub async fn close(connection: &mut Connection, id: MemberId, now: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE members SET email = NULL, password_hash = NULL, name = ?, phone = NULL, updated_at = ?, closed_at = ? \
         WHERE id = ? AND closed_at IS NULL",
    )
    .bind(MemberName::CLOSED_ACCOUNT)
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
            role: parse("role", &row.role)?,
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
        Ok(Self {
            member_id: MemberId(row.id),
            role: parse("role", &row.role)?,
            password_hash: row.password_hash,
        })
    }
}
