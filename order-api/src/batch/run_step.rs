//! Running one step of a job.

use super::db::{executions, steps};
use super::error::RunError;
use super::execution::{BatchStatus, JobExecution, StepExecution};
use super::job::{Chunk, Counts, FencingToken, Next, Step, StepError};
use super::lease::renew;
use super::listener::Listener;
use super::process::Batch;

/// Longer messages are cut: the column `exit_message` holds 2,500 characters.
const MAX_MESSAGE_CHARS: usize = 2_000;

/// How a step ended.
pub(super) enum StepEnd {
    Completed,
    Stopped,
    Failed(StepError),
}

/// The steps of one execution.
pub(super) struct StepRun<'run> {
    pub(super) batch: &'run Batch,
    pub(super) job: &'static str,
    pub(super) token: FencingToken,
    pub(super) listener: &'run dyn Listener,
}

impl StepRun<'_> {
    /// Does a step, from where its last attempt has stopped.
    pub(super) async fn step(
        &self,
        step: &dyn Step,
        execution: &JobExecution,
        last: Option<&StepExecution>,
    ) -> Result<(StepExecution, StepEnd), RunError> {
        let now = self.batch.clock.now();
        let checkpoint = last.and_then(|last| last.checkpoint.clone());
        let expected = step.expected(checkpoint.as_ref()).await;
        let mut record = StepExecution {
            id: self.batch.clock.new_id(),
            step_name: step.name().to_owned(),
            status: BatchStatus::Started,
            exit_message: None,
            expected: *expected.as_ref().unwrap_or(&0),
            counts: Counts::default(),
            commits: 0,
            checkpoint,
            start_time: now,
            last_updated: now,
            end_time: None,
        };
        self.insert(execution, &record).await?;
        let end = match expected {
            Ok(_) => self.chunks(step, &execution.job_key, &mut record).await?,
            Err(error) => StepEnd::Failed(error),
        };
        let now = self.batch.clock.now();
        record.status = match &end {
            StepEnd::Completed => BatchStatus::Completed,
            StepEnd::Stopped => BatchStatus::Stopped,
            StepEnd::Failed(_) => BatchStatus::Failed,
        };
        if let StepEnd::Failed(error) = &end {
            record.exit_message = Some(message_of(error));
        }
        (record.end_time, record.last_updated) = (Some(now), now);
        self.update(&record).await?;
        self.listener.progress(&execution.job_key, &record).await;
        Ok((record, end))
    }

    async fn chunks(
        &self,
        step: &dyn Step,
        job_key: &str,
        record: &mut StepExecution,
    ) -> Result<StepEnd, RunError> {
        loop {
            self.listener.progress(job_key, record).await;
            if self.batch.shutdown.is_cancelled() {
                return Ok(StepEnd::Stopped);
            }
            let chunk = match step.next_chunk(record.checkpoint.as_ref(), self.token).await {
                Ok(chunk) => chunk,
                Err(error) => return Ok(StepEnd::Failed(error)),
            };
            let Chunk { counts, next, pause } = chunk;
            record.counts = record.counts.plus(counts);
            record.commits += 1;
            record.last_updated = self.batch.clock.now();
            match next {
                Next::End => return Ok(StepEnd::Completed),
                Next::After(checkpoint) => record.checkpoint = Some(checkpoint),
            }
            self.update(record).await?;
            let _ = tokio::time::timeout(pause, self.batch.shutdown.cancelled()).await;
        }
    }

    async fn insert(&self, execution: &JobExecution, record: &StepExecution) -> Result<(), RunError> {
        let (job, token, lease_until) = (self.job, self.token, self.batch.lease_until());
        let (execution_id, record) = (execution.id, record.clone());
        self.batch
            .database
            .run_tx("batch_step_begin", move |connection| {
                let record = record.clone();
                Box::pin(async move {
                    renew(connection, job, token, lease_until).await?;
                    steps::insert(connection, execution_id, &record).await.map_err(RunError::from)
                })
            })
            .await
    }

    /// Records a chunk, or the end of a step. This is a heartbeat too.
    async fn update(&self, record: &StepExecution) -> Result<(), RunError> {
        let (job, token, lease_until) = (self.job, self.token, self.batch.lease_until());
        let record = record.clone();
        self.batch
            .database
            .run_tx("batch_chunk", move |connection| {
                let record = record.clone();
                Box::pin(async move {
                    renew(connection, job, token, lease_until).await?;
                    executions::record_heartbeat(connection, job, token, record.last_updated).await?;
                    steps::update(connection, &record).await.map_err(RunError::from)
                })
            })
            .await
    }
}

/// The message of a failed step: the error with its causes.
pub(super) fn message_of(error: &StepError) -> String {
    telemetry::chain(&*error.source).chars().take(MAX_MESSAGE_CHARS).collect()
}
