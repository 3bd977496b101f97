//! The table `idempotency_keys`.

use access::MemberId;
use database::Connection;
use problem::{Code, Problem};
use sqlx::mysql::{MySqlArguments, MySqlQueryResult};
use sqlx::query::Query;
use sqlx::{MySql, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::answer::{Answer, OtherHeaders};
use crate::keyed::{Fingerprint, KeyOf, Lease};

/// A statement about the key of a lease, unless it is answered or another try has the lease. Its values come from [`bind`].
macro_rules! by_lease {
    ($statement:literal) => {
        concat!(
            $statement,
            " WHERE member_id = ? AND route = ? AND idempotency_key = ? \
             AND operation_id = ? AND leased_until = ? AND status IS NULL"
        )
    };
}

/// A key in the table.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct KeyRow {
    pub(crate) operation_id: Uuid,
    fingerprint: Vec<u8>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) leased_until: OffsetDateTime,
    status: Option<u16>,
    content_type: Option<String>,
    location: Option<String>,
    headers: Option<String>,
    body: Option<Vec<u8>>,
}

impl KeyRow {
    /// Refuses every request except the one that the key was first sent with.
    pub(crate) fn check_fingerprint(&self, fingerprint: &Fingerprint) -> Result<(), Problem> {
        if self.fingerprint == fingerprint { Ok(()) } else { Err(Problem::new(Code::IdempotencyKeyReused)) }
    }

    pub(crate) fn answer(self) -> Option<Answer> {
        Some(Answer {
            status: self.status?,
            content_type: self.content_type,
            location: self.location,
            headers: OtherHeaders(self.headers.unwrap_or_default()),
            body: self.body.unwrap_or_default().into(),
        })
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.status.is_some()
    }
}

/// Inserts a new key. A duplicate-key error means that it is known already.
pub(crate) async fn insert(
    connection: &mut Connection,
    lease: &Lease,
    fingerprint: &Fingerprint,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO idempotency_keys \
         (member_id, route, idempotency_key, operation_id, fingerprint, created_at, leased_until) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(lease.of.sender_id)
    .bind(&lease.of.route)
    .bind(&lease.of.key)
    .bind(lease.operation_id)
    .bind(&fingerprint[..])
    .bind(now)
    .bind(lease.until)
    .execute(connection)
    .await
    .map(|_| ())
}

/// A new key and its answer.
pub(crate) struct AnsweredRow<'a> {
    pub(crate) of: &'a KeyOf,
    pub(crate) operation_id: Uuid,
    pub(crate) fingerprint: &'a Fingerprint,
    pub(crate) now: OffsetDateTime,
    pub(crate) answer: &'a Answer,
}

/// Inserts new keys with their answers. A duplicate-key error means that one of them is known already.
pub(crate) async fn insert_answered<'a>(
    connection: &mut Connection,
    rows: impl IntoIterator<Item = AnsweredRow<'a>>,
) -> sqlx::Result<()> {
    let mut insert = QueryBuilder::new(
        "INSERT INTO idempotency_keys (member_id, route, idempotency_key, operation_id, fingerprint, created_at, \
         leased_until, status, content_type, location, headers, body) ",
    );
    insert.push_values(rows, |mut row, AnsweredRow { of, operation_id, fingerprint, now, answer }| {
        row.push_bind(of.sender_id)
            .push_bind(&of.route)
            .push_bind(&of.key)
            .push_bind(operation_id)
            .push_bind(&fingerprint[..])
            .push_bind(now)
            .push_bind(now)
            .push_bind(answer.status)
            .push_bind(&answer.content_type)
            .push_bind(&answer.location)
            .push_bind(&answer.headers.0)
            .push_bind(&answer.body[..]);
    });
    insert.build().execute(connection).await.map(|_| ())
}

pub(crate) async fn find(connection: &mut Connection, of: &KeyOf) -> sqlx::Result<Option<KeyRow>> {
    sqlx::query_as(
        "SELECT operation_id, fingerprint, created_at, leased_until, status, content_type, location, headers, body \
         FROM idempotency_keys WHERE member_id = ? AND route = ? AND idempotency_key = ?",
    )
    .bind(of.sender_id)
    .bind(&of.route)
    .bind(&of.key)
    .fetch_optional(connection)
    .await
}

/// Takes over a request whose lease, until `leased_until`, has run out. False if another request was faster.
pub(crate) async fn take_over(
    connection: &mut Connection,
    lease: &Lease,
    leased_until: OffsetDateTime,
) -> sqlx::Result<bool> {
    let set = sqlx::query(by_lease!("UPDATE idempotency_keys SET leased_until = ?")).bind(lease.until);
    one_row(bind(set, &Lease { until: leased_until, ..lease.clone() }).execute(connection).await)
}

/// Stores the answer.
pub(crate) async fn answer(
    connection: &mut Connection,
    lease: &Lease,
    answer: &Answer,
) -> sqlx::Result<bool> {
    let set = sqlx::query(by_lease!(
        "UPDATE idempotency_keys SET status = ?, content_type = ?, location = ?, headers = ?, body = ?"
    ))
    .bind(answer.status)
    .bind(&answer.content_type)
    .bind(&answer.location)
    .bind(&answer.headers.0)
    .bind(&answer.body[..]);
    one_row(bind(set, lease).execute(connection).await)
}

/// Ends the lease, so that the request can be run again at once, with the same operation id.
pub(crate) async fn end_lease(
    connection: &mut Connection,
    lease: &Lease,
    now: OffsetDateTime,
) -> sqlx::Result<bool> {
    let set = sqlx::query(by_lease!("UPDATE idempotency_keys SET leased_until = ?")).bind(now);
    one_row(bind(set, lease).execute(connection).await)
}

/// Deletes a key, so that it can be sent with another body.
pub(crate) async fn delete(connection: &mut Connection, lease: &Lease) -> sqlx::Result<bool> {
    one_row(bind(sqlx::query(by_lease!("DELETE FROM idempotency_keys")), lease).execute(connection).await)
}

/// Locks a key until the transaction ends. False if the lease is not the key's any more.
pub(crate) async fn lock(connection: &mut Connection, lease: &Lease) -> sqlx::Result<bool> {
    let select = sqlx::query(concat!(by_lease!("SELECT 1 FROM idempotency_keys"), " FOR UPDATE"));
    bind(select, lease).fetch_optional(connection).await.map(|found| found.is_some())
}

fn bind<'q>(query: Query<'q, MySql, MySqlArguments>, lease: &'q Lease) -> Query<'q, MySql, MySqlArguments> {
    query
        .bind(lease.of.sender_id)
        .bind(&lease.of.route)
        .bind(&lease.of.key)
        .bind(lease.operation_id)
        .bind(lease.until)
}

/// Whether a row was found, whose values may have been the new ones before.
fn one_row(done: sqlx::Result<MySqlQueryResult>) -> sqlx::Result<bool> {
    done.map(|done| done.rows_affected() == 1)
}

/// Deletes one key that has expired, unless another request was faster.
pub(crate) async fn delete_expired(
    connection: &mut Connection,
    of: &KeyOf,
    created_before: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "DELETE FROM idempotency_keys \
         WHERE member_id = ? AND route = ? AND idempotency_key = ? AND created_at <= ?",
    )
    .bind(of.sender_id)
    .bind(&of.route)
    .bind(&of.key)
    .bind(created_before)
    .execute(connection)
    .await
    .map(|_| ())
}

/// Deletes every key of a member with its answer, which may hold personal data. For an account that is closed: a repetition of
/// one of its requests is refused, because the account is closed.
pub async fn forget(connection: &mut Connection, member_id: MemberId) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM idempotency_keys WHERE member_id = ?")
        .bind(member_id.0)
        .execute(connection)
        .await
        .map(|_| ())
}

/// Deletes the key by which a request without a signed-in member made something, with its answer. `id` and `now` are those of its
/// [`Claim`](crate::Claim). For a sign-up whose account is closed.
pub async fn forget_made(connection: &mut Connection, id: Uuid, now: OffsetDateTime) -> sqlx::Result<()> {
    // The time has an index.
    sqlx::query("DELETE FROM idempotency_keys WHERE created_at = ? AND operation_id = ?")
        .bind(now)
        .bind(id)
        .execute(connection)
        .await
        .map(|_| ())
}

/// Deletes up to `limit` keys that have expired, and gives their number.
pub(crate) async fn purge(
    connection: &mut Connection,
    created_before: OffsetDateTime,
    limit: u32,
) -> sqlx::Result<u64> {
    sqlx::query("DELETE FROM idempotency_keys WHERE created_at <= ? ORDER BY created_at LIMIT ?")
        .bind(created_before)
        .bind(limit)
        .execute(connection)
        .await
        .map(|done| done.rows_affected())
}
