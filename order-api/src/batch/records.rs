//! Reading the records of earlier runs.

use uuid::Uuid;

use super::db::executions::{self, Filter};
use super::execution::JobExecution;
use super::process::Batch;

impl Batch {
    /// The executions of a job, the last one first: of the instance `job_key` or of all, and only those that began before
    /// the execution `before`.
    pub async fn executions(
        &self,
        job: &'static str,
        job_key: Option<String>,
        before: Option<Uuid>,
        rows: u32,
    ) -> sqlx::Result<Vec<JobExecution>> {
        let filter = Filter { job_key, before };
        let list = self.database.read("batch_executions_list", move |connection| {
            Box::pin(async move { executions::list(connection, job, &filter, rows).await })
        });
        list.await
    }

    /// The last execution of the instance `job_key`.
    pub async fn last_execution(
        &self,
        job: &'static str,
        job_key: String,
    ) -> sqlx::Result<Option<JobExecution>> {
        let find = self.database.read("batch_last_of", move |connection| {
            Box::pin(async move { executions::last_of(connection, job, &job_key).await })
        });
        find.await
    }

    /// The largest parameters, as text, with which a job was completed.
    pub async fn last_completed(&self, job: &'static str) -> sqlx::Result<Option<String>> {
        self.database
            .read("batch_last_completed", move |connection| {
                Box::pin(executions::last_completed(connection, job))
            })
            .await
    }
}
