//! Running a job.

use super::db::executions;
use super::error::RunError;
use super::execution::{BatchStatus, Cause, JobExecution, StepExecution};
use super::exit_code::{COMPLETED, STOPPED};
use super::job::{FencingToken, Job};
use super::lease::{Lease, renew};
use super::listener::Listener;
use super::process::Batch;
use super::run_step::{StepEnd, StepRun, message_of};

impl Batch {
    /// Runs a job with the parameters `job_key`, or continues where earlier executions have stopped. Returns the
    /// execution, completed or not.
    pub async fn run(
        &self,
        job: &Job,
        job_key: &str,
        cause: Cause,
        listener: &dyn Listener,
    ) -> Result<JobExecution, RunError> {
        let lease = self.acquire_lease(job.name).await?;
        let ended = tokio::select! {
            ended = self.run_leased(job, job_key, cause, listener, &lease) => ended,
            () = lease.lost().cancelled() => Err(RunError::LeaseLost),
        };
        self.release_lease(job.name, lease).await;
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
        let mut end = StepEnd::Completed;
        for step in &job.steps {
            let last = last_attempt(&earlier, step.name());
            if last.is_some_and(|last| last.status == BatchStatus::Completed) {
                continue;
            }
            let run = StepRun { batch: self, job: job.name, token: lease.token, listener };
            let (record, step_end) = run.step(&**step, &execution, last).await?;
            execution.steps.push(record);
            end = step_end;
            if !matches!(end, StepEnd::Completed) {
                break;
            }
        }
        self.finish(job.name, execution, end).await
    }

    /// Records that an execution begins. Returns the earlier executions of the same instance, and the new one.
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
            .run_tx("batch_begin", move |connection| {
                let execution = execution.clone();
                Box::pin(async move {
                    renew(connection, job, token, lease_until).await?;
                    let instance_id =
                        executions::instance(connection, job, &execution.job_key, instance_id, now).await?;
                    let mut earlier = executions::of_instance(connection, instance_id).await?;
                    let is_complete = |one: &mut JobExecution| one.status == BatchStatus::Completed;
                    if let Some(complete) = earlier.extract_if(.., is_complete).next() {
                        return Err(RunError::AlreadyComplete(Box::new(complete)));
                    }
                    executions::insert(connection, instance_id, &execution).await?;
                    Ok((earlier, execution))
                })
            })
            .await
    }

    async fn finish(
        &self,
        job: &'static str,
        mut execution: JobExecution,
        end: StepEnd,
    ) -> Result<JobExecution, RunError> {
        let (status, exit_code, message) = match end {
            StepEnd::Completed => (BatchStatus::Completed, COMPLETED, None),
            StepEnd::Stopped => (BatchStatus::Stopped, STOPPED, None),
            StepEnd::Failed(error) => (BatchStatus::Failed, error.exit_code, Some(message_of(&error))),
        };
        let now = self.clock.now();
        execution.status = status;
        execution.exit_code = Some(exit_code.to_owned());
        execution.exit_message = message;
        execution.end_time = Some(now);
        execution.last_updated = now;
        let (record, lease_until) = (execution.clone(), self.lease_until());
        self.database
            .run_tx("batch_finish", move |connection| {
                let record = record.clone();
                Box::pin(async move {
                    renew(connection, job, record.fencing_token, lease_until).await?;
                    executions::finish(connection, &record).await.map_err(RunError::from)
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

/// The last attempt to complete a step.
fn last_attempt<'a>(earlier: &'a [JobExecution], step_name: &str) -> Option<&'a StepExecution> {
    earlier.iter().flat_map(|execution| &execution.steps).rfind(|step| step.step_name == step_name)
}
