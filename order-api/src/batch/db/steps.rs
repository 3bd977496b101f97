//! The table `step_executions`.

use database::Connection;
use sqlx::{FromRow, MySql, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::batch::execution::StepExecution;
use crate::batch::job::{Checkpoint, Counts};
use crate::db::parse;

/// Inserts a step that begins.
pub async fn insert(
    connection: &mut Connection,
    execution_id: Uuid,
    step: &StepExecution,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO step_executions (id, job_execution_id, step_name, status, expected_count, read_count, \
         write_count, skip_count, commit_count, checkpoint, start_time, last_updated) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(step.id)
    .bind(execution_id)
    .bind(&step.step_name)
    .bind(step.status.as_str())
    .bind(step.expected)
    .bind(step.counts.read)
    .bind(step.counts.written)
    .bind(step.counts.skipped)
    .bind(step.commits)
    .bind(step.checkpoint.as_ref().map(|checkpoint| checkpoint.0.as_str()))
    .bind(step.start_time)
    .bind(step.last_updated)
    .execute(connection)
    .await?;
    Ok(())
}

/// Updates the progress of a step.
pub async fn update(connection: &mut Connection, step: &StepExecution) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE step_executions SET status = ?, exit_message = ?, read_count = ?, write_count = ?, \
         skip_count = ?, commit_count = ?, checkpoint = ?, last_updated = ?, end_time = ? WHERE id = ?",
    )
    .bind(step.status.as_str())
    .bind(step.exit_message.as_deref())
    .bind(step.counts.read)
    .bind(step.counts.written)
    .bind(step.counts.skipped)
    .bind(step.commits)
    .bind(step.checkpoint.as_ref().map(|checkpoint| checkpoint.0.as_str()))
    .bind(step.last_updated)
    .bind(step.end_time)
    .bind(step.id)
    .execute(connection)
    .await?;
    Ok(())
}

/// The steps of these executions, each with the id of its execution, in the order in which they began.
pub(super) async fn of_executions(
    connection: &mut Connection,
    execution_ids: &[Uuid],
) -> sqlx::Result<Vec<(Uuid, StepExecution)>> {
    if execution_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query: QueryBuilder<MySql> = QueryBuilder::new(
        "SELECT id, job_execution_id, step_name, status, exit_message, expected_count, read_count, write_count, \
         skip_count, commit_count, checkpoint, start_time, last_updated, end_time \
         FROM step_executions WHERE job_execution_id IN (",
    );
    let mut ids = query.separated(", ");
    for id in execution_ids {
        ids.push_bind(*id);
    }
    query.push(") ORDER BY id");
    let rows: Vec<StepRow> = query.build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(StepRow::into_step).collect()
}

#[derive(FromRow)]
struct StepRow {
    id: Uuid,
    job_execution_id: Uuid,
    step_name: String,
    status: String,
    exit_message: Option<String>,
    expected_count: i64,
    read_count: i64,
    write_count: i64,
    skip_count: i64,
    commit_count: i64,
    checkpoint: Option<String>,
    start_time: OffsetDateTime,
    last_updated: OffsetDateTime,
    end_time: Option<OffsetDateTime>,
}

impl StepRow {
    fn into_step(self) -> sqlx::Result<(Uuid, StepExecution)> {
        let step = StepExecution {
            id: self.id,
            step_name: self.step_name,
            status: parse("status", &self.status)?,
            exit_message: self.exit_message,
            expected: self.expected_count.unsigned_abs(),
            counts: Counts {
                read: self.read_count.unsigned_abs(),
                written: self.write_count.unsigned_abs(),
                skipped: self.skip_count.unsigned_abs(),
            },
            commits: self.commit_count.unsigned_abs(),
            checkpoint: self.checkpoint.map(Checkpoint),
            start_time: self.start_time,
            last_updated: self.last_updated,
            end_time: self.end_time,
        };
        Ok((self.job_execution_id, step))
    }
}
