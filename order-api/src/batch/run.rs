//! Running a job.

use database::Connection;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::db::{executions, jobs, steps};
use super::lease::Lease;
use super::{Batch, BatchStatus, COMPLETED, Cause, Chunk, Counts, FencingToken, Job, JobExecution, Next, STOPPED, Step, StepError, StepExecution, db};

/// Longer texts are cut: `exit_message` holds 2,500 characters.
const MAX_MESSAGE_CHARS: usize = 2_000;

/// Why a job was not run, or why what became of the run is not recorded.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another process runs it.
    #[error("the job is run by another process: {holder}")]
    Busy {
        /// Which.
        holder: String,
    },
    /// The instance is completed; it is never run again.
    #[error("the job instance is completed")]
    AlreadyComplete(Box<JobExecution>),
    /// Another process has taken the run over: nothing was heard of this one for too long.
    #[error("the lease of the run was lost")]
    LeaseLost,
    /// The schema `batch` could not be read or written.
    #[error("the records of the run could not be read or written")]
    Database(#[from] sqlx::Error),
}

/// Is told of a run while it goes on. The run waits for it.
pub trait Listener: Send + Sync {
    /// Before each chunk of a step, and after its last one.
    fn progress<'a>(&'a self, job_key: &'a str, step: &'a StepExecution) -> BoxFuture<'a, ()>;
}

/// Nobody listens.
#[derive(Clone, Copy, Debug)]
pub struct Quiet;

impl Listener for Quiet {
    fn progress<'a>(&'a self, _: &'a str, _: &'a StepExecution) -> BoxFuture<'a, ()> {
        futures::future::ready(()).boxed()
    }
}

/// How a step ended.
enum End {
    Completed,
    Stopped,
    Failed(StepError),
}

impl Batch {
    /// Runs a job with the parameters `job_key`, or restarts it behind what earlier executions have done. Gives the
    /// execution, completed or not.
    pub async fn run(
        &self,
        job: &Job,
        job_key: &str,
        cause: Cause,
        listener: &dyn Listener,
    ) -> Result<JobExecution, RunError> {
        let lease = self.take_lease(job.name).await?;
        let lost = lease.lost.clone();
        let ended = tokio::select! {
            ended = self.run_leased(job, job_key, cause, listener, &lease) => ended,
            () = lost.cancelled() => Err(RunError::LeaseLost),
        };
        self.give_back(job.name, lease).await;
        ended
    }

    async fn run_leased(
        &self,
        job: &Job,
        job_key: &str,
        cause: Cause,
        listener: &dyn Listener,
        lease: &Lease,
    ) -> Result<JobExecution, RunError> {
        let (earlier, mut execution) = self.begin(job.name, job_key, cause, lease.token).await?;
        tracing::info!(job = job.name, job_key, token = lease.token.0, "a job execution began");
        let mut end = End::Completed;
        for step in &job.steps {
            let before = last_of(&earlier, step.name());
            if before.is_some_and(|before| before.status == BatchStatus::Completed) {
                continue;
            }
            let running = Running { batch: self, job: job.name, token: lease.token, listener };
            let (done, step_end) = running.step(&**step, &execution, before).await?;
            execution.steps.push(done);
            end = step_end;
            if !matches!(end, End::Completed) {
                break;
            }
        }
        self.finish(job.name, execution, end).await
    }

    /// Records that an execution begins, and gives it behind those of the same instance that came before it.
    async fn begin(
        &self,
        job: &'static str,
        job_key: &str,
        cause: Cause,
        token: FencingToken,
    ) -> Result<(Vec<JobExecution>, JobExecution), RunError> {
        let (now, instance_id) = (self.clock.now(), self.clock.new_id());
        let execution = JobExecution {
            id: self.clock.new_id(),
            job_key: job_key.to_owned(),
            status: BatchStatus::Started,
            exit_code: None,
            exit_message: None,
            cause,
            holder: self.holder.clone(),
            fencing_token: token,
            start_time: now,
            last_updated: now,
            end_time: None,
            steps: Vec::new(),
        };
        let lease_until = self.lease_until();
        self.database
            .run_tx("batch_begin", move |tx| {
                let execution = execution.clone();
                Box::pin(async move {
                    renew(tx, job, token, lease_until).await?;
                    let instance_id =
                        executions::instance(tx, job, &execution.job_key, instance_id, now).await?;
                    let mut earlier = executions::of_instance(tx, instance_id).await?;
                    if let Some(complete) =
                        earlier.extract_if(.., |one| one.status == BatchStatus::Completed).next()
                    {
                        return Err(RunError::AlreadyComplete(Box::new(complete)));
                    }
                    executions::insert(tx, instance_id, &execution).await?;
                    Ok((earlier, execution))
                })
            })
            .await
    }

    async fn finish(
        &self,
        job: &'static str,
        mut execution: JobExecution,
        end: End,
    ) -> Result<JobExecution, RunError> {
        let (status, exit_code, message) = match end {
            End::Completed => (BatchStatus::Completed, COMPLETED, None),
            End::Stopped => (BatchStatus::Stopped, STOPPED, None),
            End::Failed(error) => (BatchStatus::Failed, error.exit_code, Some(message_of(&error))),
        };
        let now = self.clock.now();
        execution.status = status;
        execution.exit_code = Some(exit_code.to_owned());
        execution.exit_message = message;
        execution.end_time = Some(now);
        execution.last_updated = now;
        let (written, lease_until) = (execution.clone(), self.lease_until());
        self.database
            .run_tx("batch_finish", move |tx| {
                let written = written.clone();
                Box::pin(async move {
                    renew(tx, job, written.fencing_token, lease_until).await?;
                    executions::finish(tx, &written).await.map_err(RunError::from)
                })
            })
            .await?;
        let job_key = execution.job_key.as_str();
        metrics::counter!("batch_job_executions_total", "job" => job, "exit_code" => exit_code).increment(1);
        metrics::histogram!("batch_job_execution_seconds", "job" => job)
            .record((now - execution.start_time).as_seconds_f64());
        tracing::info!(job, job_key, status = status.as_str(), exit_code, "a job execution ended");
        Ok(execution)
    }
}

/// A run, within one of its steps.
struct Running<'run> {
    batch: &'run Batch,
    job: &'static str,
    token: FencingToken,
    listener: &'run dyn Listener,
}

impl Running<'_> {
    /// Does a step behind what was done of it before.
    async fn step(
        &self,
        step: &dyn Step,
        execution: &JobExecution,
        before: Option<&StepExecution>,
    ) -> Result<(StepExecution, End), RunError> {
        let now = self.batch.clock.now();
        let checkpoint = before.and_then(|before| before.checkpoint.clone());
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
            Err(error) => End::Failed(error),
        };
        let now = self.batch.clock.now();
        record.status = match &end {
            End::Completed => BatchStatus::Completed,
            End::Stopped => BatchStatus::Stopped,
            End::Failed(_) => BatchStatus::Failed,
        };
        if let End::Failed(error) = &end {
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
    ) -> Result<End, RunError> {
        loop {
            self.listener.progress(job_key, record).await;
            if self.batch.ending.is_cancelled() {
                return Ok(End::Stopped);
            }
            let chunk = match step.next_chunk(record.checkpoint.as_ref(), self.token).await {
                Ok(chunk) => chunk,
                Err(error) => return Ok(End::Failed(error)),
            };
            let Chunk { counts, next, rest } = chunk;
            record.counts = record.counts.plus(counts);
            record.commits += 1;
            record.last_updated = self.batch.clock.now();
            match next {
                Next::End => return Ok(End::Completed),
                Next::Behind(checkpoint) => record.checkpoint = Some(checkpoint),
            }
            self.update(record).await?;
            let _ = tokio::time::timeout(rest, self.batch.ending.cancelled()).await;
        }
    }

    async fn insert(&self, execution: &JobExecution, record: &StepExecution) -> Result<(), RunError> {
        let (job, token, lease_until) = (self.job, self.token, self.batch.lease_until());
        let (execution_id, record) = (execution.id, record.clone());
        self.batch
            .database
            .run_tx("batch_step_begin", move |tx| {
                let record = record.clone();
                Box::pin(async move {
                    renew(tx, job, token, lease_until).await?;
                    steps::insert(tx, execution_id, &record).await.map_err(RunError::from)
                })
            })
            .await
    }

    /// Records a chunk, or the end of a step. It is a heartbeat, too.
    async fn update(&self, record: &StepExecution) -> Result<(), RunError> {
        let (job, token, lease_until) = (self.job, self.token, self.batch.lease_until());
        let record = record.clone();
        self.batch
            .database
            .run_tx("batch_chunk", move |tx| {
                let record = record.clone();
                Box::pin(async move {
                    renew(tx, job, token, lease_until).await?;
                    executions::touch(tx, job, token, record.last_updated).await?;
                    steps::update(tx, &record).await.map_err(RunError::from)
                })
            })
            .await
    }
}

/// Renews the lease, as the first statement of every write: without it nothing is written.
async fn renew(
    tx: &mut Connection,
    job: &str,
    token: FencingToken,
    lease_until: time::OffsetDateTime,
) -> Result<(), RunError> {
    if jobs::renew_lease(tx, job, token, lease_until).await? { Ok(()) } else { Err(RunError::LeaseLost) }
}

/// The last try of a step.
fn last_of<'a>(earlier: &'a [JobExecution], step_name: &str) -> Option<&'a StepExecution> {
    earlier.iter().flat_map(|execution| &execution.steps).rfind(|step| step.step_name == step_name)
}

fn message_of(error: &StepError) -> String {
    telemetry::chain(&*error.source).chars().take(MAX_MESSAGE_CHARS).collect()
}
