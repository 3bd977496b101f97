//! The tables `job_instances` and `job_executions`.

use database::Connection;
use sqlx::{FromRow, MySql, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::steps;
use crate::batch::execution::{JobExecution, StepExecution};
use crate::batch::exit_code::DIED;
use crate::batch::job::FencingToken;
use crate::db::parse;

const COLUMNS: &str = "e.id, i.job_key, e.status, e.exit_code, e.exit_message, e.cause, e.holder, e.fencing_token, \
     e.start_time, e.last_updated, e.end_time FROM job_executions e JOIN job_instances i ON i.id = e.job_instance_id";

/// The message of an execution whose process has died.
const NOT_RENEWED: &str = "nothing was heard of its process until the lease had run out";

/// Returns the id of the job instance with these parameters. If it does not exist, inserts it with the id `new_id`.
pub async fn instance(
    connection: &mut Connection,
    job: &str,
    job_key: &str,
    new_id: Uuid,
    now: OffsetDateTime,
) -> sqlx::Result<Uuid> {
    sqlx::query(
        "INSERT INTO job_instances (id, job_name, job_key, created_at) VALUES (?, ?, ?, ?) \
         ON DUPLICATE KEY UPDATE job_name = VALUES(job_name)",
    )
    .bind(new_id)
    .bind(job)
    .bind(job_key)
    .bind(now)
    .execute(&mut *connection)
    .await?;
    let (id,) = sqlx::query_as("SELECT id FROM job_instances WHERE job_name = ? AND job_key = ?")
        .bind(job)
        .bind(job_key)
        .fetch_one(connection)
        .await?;
    Ok(id)
}

/// Inserts an execution that begins.
pub async fn insert(
    connection: &mut Connection,
    instance_id: Uuid,
    execution: &JobExecution,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO job_executions (id, job_instance_id, status, cause, holder, fencing_token, start_time, \
         last_updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(execution.id)
    .bind(instance_id)
    .bind(execution.status.as_str())
    .bind(execution.cause.as_str())
    .bind(&execution.holder)
    .bind(execution.fencing_token.0)
    .bind(execution.start_time)
    .bind(execution.last_updated)
    .execute(connection)
    .await?;
    Ok(())
}

/// Updates an execution at its end.
pub async fn finish(connection: &mut Connection, execution: &JobExecution) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE job_executions SET status = ?, exit_code = ?, exit_message = ?, last_updated = ?, end_time = ? \
         WHERE id = ?",
    )
    .bind(execution.status.as_str())
    .bind(execution.exit_code.as_deref())
    .bind(execution.exit_message.as_deref())
    .bind(execution.last_updated)
    .bind(execution.end_time)
    .bind(execution.id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Records that the run with this token is alive.
pub async fn record_heartbeat(
    connection: &mut Connection,
    job: &str,
    token: FencingToken,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE job_executions e JOIN job_instances i ON i.id = e.job_instance_id SET e.last_updated = ? \
         WHERE e.status = 'STARTED' AND e.fencing_token = ? AND i.job_name = ?",
    )
    .bind(now)
    .bind(token.0)
    .bind(job)
    .execute(connection)
    .await?;
    Ok(())
}

/// Records as failed: the executions of a job that are STARTED with a smaller token, which is that of an expired lease.
pub async fn fail_abandoned(
    connection: &mut Connection,
    job: &str,
    token: FencingToken,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    let abandoned: Vec<(Uuid,)> = sqlx::query_as(
        "SELECT e.id FROM job_executions e JOIN job_instances i ON i.id = e.job_instance_id \
         WHERE e.status = 'STARTED' AND e.fencing_token < ? AND i.job_name = ?",
    )
    .bind(token.0)
    .bind(job)
    .fetch_all(&mut *connection)
    .await?;
    for (id,) in abandoned {
        sqlx::query(
            "UPDATE step_executions SET status = 'FAILED', exit_message = ?, end_time = ? \
             WHERE job_execution_id = ? AND status = 'STARTED'",
        )
        .bind(NOT_RENEWED)
        .bind(now)
        .bind(id)
        .execute(&mut *connection)
        .await?;
        sqlx::query(
            "UPDATE job_executions SET status = 'FAILED', exit_code = ?, exit_message = ?, end_time = ? WHERE id = ?",
        )
        .bind(DIED)
        .bind(NOT_RENEWED)
        .bind(now)
        .bind(id)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// The executions of an instance with their steps, the oldest first. They are in the order of their fencing tokens, which
/// is right even if the clocks of their processes differ.
pub async fn of_instance(connection: &mut Connection, instance_id: Uuid) -> sqlx::Result<Vec<JobExecution>> {
    let mut query = select();
    query.push(" WHERE e.job_instance_id = ").push_bind(instance_id).push(" ORDER BY e.fencing_token");
    fetch(connection, query).await
}

/// The last execution of the instance with these parameters.
pub async fn last_of(
    connection: &mut Connection,
    job: &str,
    job_key: &str,
) -> sqlx::Result<Option<JobExecution>> {
    let mut query = select();
    query.push(" WHERE i.job_name = ").push_bind(job).push(" AND i.job_key = ").push_bind(job_key);
    query.push(" ORDER BY e.fencing_token DESC LIMIT 1");
    Ok(fetch(connection, query).await?.pop())
}

/// The largest parameters, as text, with which a job was completed.
pub async fn last_completed(connection: &mut Connection, job: &str) -> sqlx::Result<Option<String>> {
    let (job_key,) = sqlx::query_as(
        "SELECT MAX(i.job_key) FROM job_instances i JOIN job_executions e ON e.job_instance_id = i.id \
         WHERE i.job_name = ? AND e.status = 'COMPLETED'",
    )
    .bind(job)
    .fetch_one(connection)
    .await?;
    Ok(job_key)
}

/// Which executions of a job to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of the instance with these parameters; of all if `None`.
    pub job_key: Option<String>,
    /// Which began before this one.
    pub before: Option<Uuid>,
}

/// The executions of a job with their steps, the newest first.
pub async fn list(
    connection: &mut Connection,
    job: &str,
    filter: &Filter,
    rows: u32,
) -> sqlx::Result<Vec<JobExecution>> {
    let mut query = select();
    query.push(" WHERE i.job_name = ").push_bind(job);
    if let Some(job_key) = &filter.job_key {
        query.push(" AND i.job_key = ").push_bind(job_key);
    }
    if let Some(before) = filter.before {
        query.push(" AND e.id < ").push_bind(before);
    }
    query.push(" ORDER BY e.id DESC LIMIT ").push_bind(rows);
    fetch(connection, query).await
}

fn select() -> QueryBuilder<MySql> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(COLUMNS);
    query
}

async fn fetch(
    connection: &mut Connection,
    mut query: QueryBuilder<MySql>,
) -> sqlx::Result<Vec<JobExecution>> {
    let rows: Vec<ExecutionRow> = query.build_query_as().fetch_all(&mut *connection).await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut steps = steps::of_executions(connection, &ids).await?;
    rows.into_iter()
        .map(|row| {
            let own = steps.extract_if(.., |(execution_id, _)| *execution_id == row.id).map(|(_, step)| step);
            let own = own.collect();
            row.into_execution(own)
        })
        .collect()
}

#[derive(FromRow)]
struct ExecutionRow {
    id: Uuid,
    job_key: String,
    status: String,
    exit_code: Option<String>,
    exit_message: Option<String>,
    cause: String,
    holder: String,
    fencing_token: i64,
    start_time: OffsetDateTime,
    last_updated: OffsetDateTime,
    end_time: Option<OffsetDateTime>,
}

impl ExecutionRow {
    fn into_execution(self, steps: Vec<StepExecution>) -> sqlx::Result<JobExecution> {
        Ok(JobExecution {
            id: self.id,
            job_key: self.job_key,
            status: parse("status", &self.status)?,
            exit_code: self.exit_code,
            exit_message: self.exit_message,
            cause: parse("cause", &self.cause)?,
            holder: self.holder,
            fencing_token: FencingToken(self.fencing_token),
            start_time: self.start_time,
            last_updated: self.last_updated,
            end_time: self.end_time,
            steps,
        })
    }
}
