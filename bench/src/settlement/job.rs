//! Running the job, as an administrator does.

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use http::Method;
use serde_json::{Value, json};
use sqlx::MySqlPool;
use stack::Stack;
use uuid::Uuid;

use super::floors::Cost;
use super::lines::execute;
use crate::client::Connection;
use crate::people::{PASSWORD, text};
use crate::process::Process;

const PATH: &str = "/api/order/settlement-runs";
/// How long a run, and the reading of a day's lines, may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Seldom: who watches a run asks the database, too.
const POLL: Duration = Duration::from_millis(100);

/// An administrator at the gateway.
pub(super) struct Administrator {
    gateway: Connection,
    token: String,
}

impl Administrator {
    pub(super) async fn new(stack: &Stack) -> anyhow::Result<Self> {
        let email = format!("{}@dalkom.example", Uuid::new_v4());
        let mut command = stack.command("member-api")?;
        command.args(["create-admin", "--email", &email]).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut stdin = child.stdin.take().context("a child without standard input")?;
        writeln!(stdin, "{PASSWORD}")?;
        drop(stdin);
        ensure!(child.wait()?.success(), "`member-api create-admin` failed");
        let mut gateway = Connection::open(&stack.gateway_url()).await?;
        let body = json!({ "email": email, "password": PASSWORD });
        let session = gateway.send(Method::POST, "/api/member/sessions", None, &[], Some(&body)).await?;
        let token = text(&session.expect(201)?, "accessToken")?.to_owned();
        Ok(Self { gateway, token })
    }

    /// Settles a day, and waits for the run's end.
    pub(super) async fn settle(&mut self, day: &str) -> anyhow::Result<()> {
        let body = json!({ "day": day });
        let answer = self.gateway.send(Method::POST, PATH, Some(&self.token), &[], Some(&body)).await?;
        let mut run = answer.expect(201).or_else(|_| Ok::<_, anyhow::Error>(Value::Null))?;
        let deadline = Instant::now() + PATIENCE;
        while run["endedAt"].is_null() {
            ensure!(Instant::now() < deadline, "the run does not end: {run}");
            tokio::time::sleep(POLL).await;
            let path = format!("{PATH}?day={day}");
            let page = self.gateway.get(&path, Some(&self.token)).await?.expect(200)?;
            run = page["items"][0].clone();
        }
        ensure!(run["exitCode"] == "COMPLETED", "the run failed: {run}");
        Ok(())
    }
}

/// Forgets that a day was settled.
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

/// Settles a day that is not settled; what it cost, by the records of the run itself.
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

/// How long each step of the last run took.
pub(super) async fn steps(rows: &MySqlPool) -> sqlx::Result<Vec<(String, f64)>> {
    sqlx::query_as(
        "SELECT step_name, TIMESTAMPDIFF(MICROSECOND, start_time, end_time) / 1e6 FROM batch.step_executions ORDER BY id",
    )
    .fetch_all(rows)
    .await
}

/// Waits until all lines of a day were read ahead.
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
