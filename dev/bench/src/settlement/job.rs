//! Running the job as an administrator.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::MySqlPool;
use stack::Stack;
use testkit::member::{PASSWORD, sign_in};
use testkit::{Client, text};
use uuid::Uuid;

use super::floors::Cost;
use super::lines::execute;
use crate::client::Connection;
use crate::measured_stack::blocking;
use crate::process::Process;

const PATH: &str = "/api/order/settlement-runs";
/// How long a run, and the reading of a day's lines, may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Rarely, because each look is a request to the database.
const POLL: Duration = Duration::from_millis(100);

/// An administrator at the gateway.
pub(super) struct Administrator {
    gateway: Connection,
    token: String,
}

impl Administrator {
    pub(super) async fn new(stack: &Arc<Stack>) -> anyhow::Result<Self> {
        let email = format!("{}@dalkom.example", Uuid::new_v4());
        let new_email = email.clone();
        blocking(stack, move |stack| stack.create_admin(&new_email, PASSWORD)).await?;
        let url = stack.gateway_url();
        let token = text(&sign_in(&Client::at(&url), &email).await, "accessToken");
        Ok(Self { gateway: Connection::open(&url).await?, token })
    }

    /// Settles a day, and waits for the end of the run.
    pub(super) async fn settle(&mut self, day: &str) -> anyhow::Result<()> {
        let body = json!({ "day": day });
        let answer = self.gateway.send(Method::POST, PATH, Some(&self.token), &[], Some(&body)).await?;
        // It is not 201 if the run takes longer than the request waits.
        let mut run = if answer.status == StatusCode::CREATED { answer.body } else { Value::Null };
        let deadline = Instant::now() + PATIENCE;
        while run["endedAt"].is_null() {
            ensure!(Instant::now() < deadline, "the run does not end: {run}");
            tokio::time::sleep(POLL).await;
            let path = format!("{PATH}?day={day}");
            let page = self.gateway.get(&path, Some(&self.token)).await?.expect(StatusCode::OK);
            run = page.body["items"][0].clone();
        }
        ensure!(run["exitCode"] == "COMPLETED", "the run failed: {run}");
        Ok(())
    }
}

/// Removes all settlements and their records.
pub(super) async fn reset(rows: &MySqlPool) -> sqlx::Result<()> {
    for statement in [
        "TRUNCATE TABLE settlements",
        "DELETE FROM settlement_days",
        "DELETE FROM batch.step_executions",
        "DELETE FROM batch.job_executions",
        "DELETE FROM batch.job_instances",
    ] {
        execute(rows, statement).await?;
    }
    Ok(())
}

/// Settles a day, and gives the cost by the records of the run.
pub(super) async fn settle(
    rows: &MySqlPool,
    database: Process,
    administrator: &mut Administrator,
    day: &str,
) -> anyhow::Result<Cost> {
    let before = database.processor_time()?;
    administrator.settle(day).await?;
    let used = database.processor_time_since(before)?;
    let micros: i64 = sqlx::query_scalar(
        "SELECT TIMESTAMPDIFF(MICROSECOND, start_time, end_time) FROM batch.job_executions",
    )
    .fetch_one(rows)
    .await?;
    Ok(Cost { took: Duration::from_micros(micros.unsigned_abs()), database: used })
}

/// The time of each step of the last run.
pub(super) async fn steps(rows: &MySqlPool) -> sqlx::Result<Vec<(String, f64)>> {
    sqlx::query_as(
        "SELECT step_name, TIMESTAMPDIFF(MICROSECOND, start_time, end_time) / 1e6 FROM batch.step_executions ORDER BY id",
    )
    .fetch_all(rows)
    .await
}

/// Waits until all lines of a day are read ahead.
pub(super) async fn read_ahead(rows: &MySqlPool, day: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let done: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM control_sums \
             WHERE business_day = ? AND read_until = CAST(? AS DATETIME) + INTERVAL 15 HOUR",
        )
        .bind(day)
        .bind(day)
        .fetch_one(rows)
        .await?;
        if done == 1 {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("the lines of {day} are not read ahead");
        }
        tokio::time::sleep(POLL).await;
    }
}
