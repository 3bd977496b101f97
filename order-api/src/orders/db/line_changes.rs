//! The table `line_changes`: the history of order lines. Append-only.

use access::MemberId;
use database::Connection;
use sqlx::{FromRow, MySql, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::parse;
use crate::orders::line::{Actor, LineStatus};

/// One change of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineChange {
    /// The id.
    pub id: Uuid,
    /// The line.
    pub line_id: Uuid,
    /// The status before.
    pub old_status: LineStatus,
    /// The status after.
    pub new_status: LineStatus,
    /// In which role the member has changed the line.
    pub actor: Actor,
    /// The member who has changed the line; `None` for the system.
    pub actor_id: Option<MemberId>,
    /// The reason that the member has given.
    pub reason: Option<String>,
    /// When.
    pub changed_at: OffsetDateTime,
}

/// Inserts a change.
pub async fn insert(connection: &mut Connection, change: &LineChange) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO line_changes (id, line_id, old_status, new_status, actor, actor_id, reason, changed_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(change.id)
    .bind(change.line_id)
    .bind(change.old_status.as_str())
    .bind(change.new_status.as_str())
    .bind(change.actor.as_str())
    .bind(change.actor_id.map(|id| id.0))
    .bind(change.reason.as_deref())
    .bind(change.changed_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether there is a change with this id.
pub async fn exists(connection: &mut Connection, id: Uuid) -> sqlx::Result<bool> {
    let found: Option<i32> = sqlx::query_scalar("SELECT 1 FROM line_changes WHERE id = ?")
        .bind(id)
        .fetch_optional(connection)
        .await?;
    Ok(found.is_some())
}

/// The changes of these lines; those of one line are in the order in which they happened.
pub async fn of_lines(connection: &mut Connection, line_ids: &[Uuid]) -> sqlx::Result<Vec<LineChange>> {
    if line_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query: QueryBuilder<MySql> = QueryBuilder::new(
        "SELECT id, line_id, old_status, new_status, actor, actor_id, reason, changed_at FROM line_changes \
         WHERE line_id IN (",
    );
    let mut ids = query.separated(", ");
    for id in line_ids {
        ids.push_bind(*id);
    }
    // The id of a change by a key can be older than the change.
    query.push(") ORDER BY line_id, changed_at, id");
    let rows: Vec<LineChangeRow> = query.build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(LineChange::try_from).collect()
}

#[derive(FromRow)]
struct LineChangeRow {
    id: Uuid,
    line_id: Uuid,
    old_status: String,
    new_status: String,
    actor: String,
    actor_id: Option<Uuid>,
    reason: Option<String>,
    changed_at: OffsetDateTime,
}

impl TryFrom<LineChangeRow> for LineChange {
    type Error = sqlx::Error;

    fn try_from(row: LineChangeRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.id,
            line_id: row.line_id,
            old_status: parse("old_status", &row.old_status)?,
            new_status: parse("new_status", &row.new_status)?,
            actor: parse("actor", &row.actor)?,
            actor_id: row.actor_id.map(MemberId),
            reason: row.reason,
            changed_at: row.changed_at,
        })
    }
}
