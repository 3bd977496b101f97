//! Settlement runs: one at a time, continued where they died, started and listed by administrators.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::StatusCode;
use order_api::batch::{Cause, Listener, NoListener, RunError, StepExecution};
use order_api::settings::SettlementSettings;
use order_api::settlement::settler::{SettleError, Settler};
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use tokio::sync::Semaphore;

use crate::support::{Market, day, until};

/// Five chunks.
const SELLERS: u32 = 50;
const CHUNKS: u64 = 5;

fn small_chunks() -> SettlementSettings {
    SettlementSettings { chunk_sellers: 10, ..SettlementSettings::default() }
}

/// Holds a run before a chunk of a step, until it is let go.
struct HoldBefore {
    step: &'static str,
    chunk: u64,
    reached: Semaphore,
    let_go: Semaphore,
}

impl HoldBefore {
    fn new(step: &'static str, chunk: u64) -> Arc<Self> {
        Arc::new(Self { step, chunk, reached: Semaphore::new(0), let_go: Semaphore::new(0) })
    }

    async fn reached(&self) {
        self.reached.acquire().await.expect("it is never closed").forget();
    }
}

impl Listener for HoldBefore {
    fn progress<'a>(&'a self, _: &'a str, step: &'a StepExecution) -> BoxFuture<'a, ()> {
        async move {
            if step.step_name == self.step && step.commits == self.chunk && step.end_time.is_none() {
                self.reached.add_permits(1);
                self.let_go.acquire().await.expect("it is never closed").forget();
            }
        }
        .boxed()
    }
}

/// A process. When it is killed, all its work is dropped, with its connections.
struct Process(Option<tokio::runtime::Runtime>);

impl Process {
    fn settling(market: &Market, number: u8, listener: Arc<HoldBefore>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime for a process");
        {
            let _in_it = runtime.enter();
            let settler = market.world.settler_with(small_chunks());
            runtime
                .spawn(async move { settler.settle_through(day(number), Cause::Schedule, &*listener).await });
        }
        Self(Some(runtime))
    }

    fn kill(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }

    /// Kills it, and waits until its work is dropped.
    async fn kill_and_wait(&mut self) {
        if let Some(runtime) = self.0.take() {
            let gone = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(20)));
            gone.await.expect("a process can be killed");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Read, written, skipped and chunks of the step `settle-sellers`, of each run, the oldest first.
async fn counts(market: &Market) -> Vec<(i64, i64, i64, i64)> {
    sqlx::query_as(
        "SELECT read_count, write_count, skip_count, commit_count FROM step_executions \
         WHERE step_name = 'settle-sellers' ORDER BY id",
    )
    .fetch_all(&market.world.batch_rows)
    .await
    .expect("the records")
}

async fn settlements(market: &Market) -> i64 {
    market.number("SELECT COUNT(*) FROM settlements").await
}

#[sqlx::test(migrations = "./migrations")]
async fn while_somebody_buys_a_day_is_settled_in_small_chunks(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let sellers = 600;
    for number in [1, 2] {
        market.seed(day(number), sellers).await;
    }
    // Two shards for each seller but one, so that a part of the totals ends between the shards of a seller.
    for statement in [
        "INSERT INTO seller_day_totals SELECT business_day, seller_id, 1, 400, 0 FROM seller_day_totals \
         WHERE gross > 1000",
        "UPDATE seller_day_totals SET gross = gross - 400 WHERE lane = 0 AND gross > 1000",
    ] {
        market.tamper(statement).await;
    }
    let settler = &market.world.app.settler;
    market.go_to(day(3), "04:00");
    settler.settle_through(day(1), Cause::Schedule, &NoListener).await.unwrap();
    market.sell(1).await;
    settler.settle_through(day(2), Cause::Schedule, &NoListener).await.unwrap();

    let sellers = i64::from(sellers);
    assert_eq!(counts(&market).await, [(sellers, sellers, 0, 1), (sellers, sellers, 0, 2)]);
    let proved: Vec<i64> = sqlx::query_scalar(
        "SELECT read_count FROM step_executions WHERE step_name = 'prove-totals' ORDER BY id",
    )
    .fetch_all(&market.world.batch_rows)
    .await
    .unwrap();
    assert_eq!(proved, [2 * sellers - 1, 2 * sellers - 1]);
    assert_eq!(settlements(&market).await, 2 * sellers);
    market.check_books().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_run_that_is_killed_between_chunks_continues_after_the_last_one(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    for chunk in 0..=CHUNKS {
        let number = u8::try_from(chunk).unwrap() + 1;
        market.seed(day(number), SELLERS).await;
        market.go_to(day(number + 1), "04:00");
        let before = settlements(&market).await;
        let hold = HoldBefore::new("settle-sellers", chunk);
        let mut process = Process::settling(&market, number, Arc::clone(&hold));
        hold.reached().await;
        process.kill();
        let done = i64::try_from(chunk).unwrap() * 10;
        assert_eq!(settlements(&market).await, before + done);

        // Its lease must expire first.
        let settler = market.world.settler_with(small_chunks());
        let busy = settler.settle_through(day(number), Cause::Schedule, &NoListener).await;
        assert!(matches!(busy, Err(SettleError::Run(RunError::Busy { .. }))), "{busy:?}");
        market.world.clock_control.advance(Duration::from_secs(31));
        let run = settler.settle_through(day(number), Cause::Schedule, &NoListener).await.unwrap();
        assert!(run.is_new);
        let steps: Vec<&str> = run.execution.steps.iter().map(|step| step.step_name.as_str()).collect();
        assert_eq!(steps, ["settle-sellers"], "what was completed is left out");
        let died = ("FAILED".to_owned(), "DIED".to_owned());
        assert_eq!(market.runs(day(number)).await, [died, ("COMPLETED".to_owned(), "COMPLETED".to_owned())]);
        let counts = counts(&market).await;
        let [first, second] = [counts[counts.len() - 2], counts[counts.len() - 1]];
        assert_eq!(first, (done, done, 0, done / 10));
        assert_eq!((second.0, second.1, second.2), (50 - done, 50 - done, 0));
        assert_eq!(settlements(&market).await, before + 50);
        market.check_books().await;
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_chunk_whose_run_is_killed_before_it_is_recorded_is_not_written_again(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    for chunk in 0..CHUNKS {
        let number = u8::try_from(chunk).unwrap() + 1;
        market.seed(day(number), SELLERS).await;
        market.go_to(day(number + 1), "04:00");
        let before = settlements(&market).await;
        let hold = HoldBefore::new("settle-sellers", chunk);
        let mut process = Process::settling(&market, number, Arc::clone(&hold));
        hold.reached().await;
        // The chunk can be written, but not recorded.
        let mut records = market.world.batch_rows.acquire().await.unwrap();
        for statement in ["BEGIN", "SELECT * FROM jobs FOR UPDATE"] {
            sqlx::raw_sql(statement).execute(&mut *records).await.unwrap();
        }
        hold.let_go.add_permits(1);
        let recorded = i64::try_from(chunk).unwrap() * 10;
        until("the chunk is done", async || settlements(&market).await == before + recorded + 10).await;
        process.kill();
        sqlx::query("ROLLBACK").execute(&mut *records).await.unwrap();

        market.world.clock_control.advance(Duration::from_secs(31));
        let settler = market.world.settler_with(small_chunks());
        settler.settle_through(day(number), Cause::Schedule, &NoListener).await.unwrap();
        let counts = counts(&market).await;
        let [first, second] = [counts[counts.len() - 2], counts[counts.len() - 1]];
        assert_eq!(first, (recorded, recorded, 0, recorded / 10));
        assert_eq!((second.0, second.1, second.2), (50 - recorded, 40 - recorded, 10));
        assert_eq!(settlements(&market).await, before + 50);
        market.check_books().await;
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_run_that_is_killed_in_the_middle_of_a_chunk_leaves_nothing_of_it(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    for chunk in 0..CHUNKS {
        let number = u8::try_from(chunk).unwrap() + 1;
        let sellers = market.seed(day(number), SELLERS).await;
        market.go_to(day(number + 1), "04:00");
        let before = settlements(&market).await;
        let hold = HoldBefore::new("settle-sellers", chunk);
        let mut process = Process::settling(&market, number, Arc::clone(&hold));
        hold.reached().await;
        // Another transaction has written one of the rows of the chunk, so the chunk has to wait for it.
        let in_chunk = sellers[usize::try_from(chunk).unwrap() * 10 + 5];
        let mut writing = market.world.order_rows.acquire().await.unwrap();
        sqlx::raw_sql("BEGIN").execute(&mut *writing).await.unwrap();
        sqlx::query("INSERT INTO settlements (business_day, seller_id, gross, refunds, status) VALUES (?, ?, 1, 0, 'PENDING')")
            .bind(day(number).date())
            .bind(in_chunk.0)
            .execute(&mut *writing)
            .await
            .unwrap();
        hold.let_go.add_permits(1);
        let is_settling = async || {
            let mut at_work = testkit::statements(&market.world.order_rows).await.into_iter();
            at_work.any(|sql| sql.starts_with("INSERT INTO settlements") && sql.contains("SELECT"))
        };
        until("the chunk waits", is_settling).await;
        process.kill_and_wait().await;
        sqlx::raw_sql("ROLLBACK").execute(&mut *writing).await.unwrap();
        let done = i64::try_from(chunk).unwrap() * 10;
        until("the chunk is gone", async || !is_settling().await).await;
        assert_eq!(settlements(&market).await, before + done);

        market.world.clock_control.advance(Duration::from_secs(31));
        let settler = market.world.settler_with(small_chunks());
        settler.settle_through(day(number), Cause::Schedule, &NoListener).await.unwrap();
        let counts = counts(&market).await;
        let second = counts[counts.len() - 1];
        assert_eq!((second.0, second.1, second.2), (50 - done, 50 - done, 0));
        assert_eq!(settlements(&market).await, before + 50);
        market.check_books().await;
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_payout_during_a_run_pays_a_day_once(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let market = Market::new(options).await;
    for chunk in 0..=CHUNKS {
        let number = u8::try_from(chunk).unwrap() + 1;
        market.seed(day(number), SELLERS).await;
        market.go_to(day(number), "12:00");
        market.sell(1).await;
        market.go_to(day(number + 1), "04:00");
        let hold = HoldBefore::new("settle-sellers", chunk);
        let run = {
            let (settler, hold) = (market.world.settler_with(small_chunks()), Arc::clone(&hold));
            tokio::spawn(async move { settler.settle_through(day(number), Cause::Schedule, &*hold).await })
        };
        hold.reached().await;
        let during = market.pay(number, number).await;
        hold.let_go.add_permits(1);
        // Another payout while the rest of the day is written.
        let (meanwhile, run) = tokio::join!(market.pay(number, number), run);
        assert_eq!(run.unwrap().unwrap().execution.exit_code.as_deref(), Some("COMPLETED"));
        let after = market.pay(number, number).await;
        let answers = [during, meanwhile, after];
        let paid = answers.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
        assert_eq!(paid, 1, "{answers:?}");
        for answer in answers.into_iter().filter(|answer| answer.status != StatusCode::CREATED) {
            let _ = answer.expect_problem(StatusCode::CONFLICT, "NOTHING_TO_PAY");
        }
        assert_eq!(market.world.balance(&market.seller).await, i64::from(number) * 1_000);
        market.check_books().await;
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_13_two_instances_at_once_settle_each_day_once(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    for number in 1..=6 {
        market.seed(day(number), SELLERS).await;
    }
    market.go_to(day(7), "04:00");
    let instances: Vec<Settler> = (0..4).map(|_| market.world.settler_with(small_chunks())).collect();
    while market.world.app.settler.next_unsettled().await.unwrap() != Some(day(7)) {
        let results =
            futures::future::join_all(instances.iter().map(|settler| settler.settle_due(&NoListener))).await;
        for result in results {
            assert!(matches!(result, Ok(()) | Err(SettleError::Run(RunError::Busy { .. }))), "{result:?}");
        }
    }
    for number in 1..=6 {
        assert_eq!(market.runs(day(number)).await, [("COMPLETED".to_owned(), "COMPLETED".to_owned())]);
    }
    assert_eq!(settlements(&market).await, 6 * i64::from(SELLERS));
    market.check_books().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_run_that_stalled_past_its_lease_writes_nothing_more(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    market.seed(day(1), SELLERS).await;
    market.go_to(day(2), "04:00");
    let hold = HoldBefore::new("settle-sellers", 2);
    let slow = {
        let (settler, hold) = (market.world.settler_with(small_chunks()), Arc::clone(&hold));
        tokio::spawn(async move { settler.settle_through(day(1), Cause::Schedule, &*hold).await })
    };
    hold.reached().await;
    market.world.clock_control.advance(Duration::from_secs(31));
    // The next run does the third chunk, and is held.
    let quick_hold = HoldBefore::new("settle-sellers", 1);
    let quick = {
        let (settler, hold) = (market.world.settler_with(small_chunks()), Arc::clone(&quick_hold));
        tokio::spawn(async move { settler.settle_through(day(1), Cause::Schedule, &*hold).await })
    };
    quick_hold.reached().await;
    assert_eq!(settlements(&market).await, 30);
    // The slow run goes on, and must not write its next chunk.
    hold.let_go.add_permits(1);
    let slow = slow.await.unwrap();
    assert!(matches!(slow, Err(SettleError::Run(RunError::LeaseLost))), "{slow:?}");
    assert_eq!(settlements(&market).await, 30);
    quick_hold.let_go.add_permits(1);
    let quick = quick.await.unwrap().unwrap();
    assert_eq!(quick.execution.exit_code.as_deref(), Some("COMPLETED"));
    assert_eq!(settlements(&market).await, 50);
    assert_eq!(counts(&market).await, [(20, 20, 0, 2), (30, 30, 0, 4)]);
}

#[sqlx::test(migrations = "./migrations")]
async fn administrators_run_a_day_and_see_the_runs(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let market = Market::new(options).await;
    market.sell(3).await;
    market.go_to(day(23), "00:00");
    let post = async |number: u8| {
        let admin = market.world.admin();
        let body = json!({ "day": day(number) });
        market.world.orders.post("/api/order/settlement-runs").bearer(&admin.token).json(&body).send().await
    };
    let _ = post(23).await.expect_problem(StatusCode::CONFLICT, "DAY_NOT_OVER");
    let answer = post(22).await.expect(StatusCode::CREATED);
    assert_eq!(answer.header("location"), "/api/order/settlement-runs?day=2026-11-22");
    let run = &answer.body;
    assert_eq!(
        (&run["day"], &run["status"], &run["progress"]),
        (&json!("2026-11-22"), &json!("COMPLETED"), &json!(100))
    );
    assert_eq!((&run["cause"], &run["exitCode"]), (&json!("REQUEST"), &json!("COMPLETED")));
    let step = &run["steps"][2];
    assert_eq!(
        (&step["name"], &step["read"], &step["written"]),
        (&json!("settle-sellers"), &json!(1), &json!(1))
    );
    // A settled day stays as it is. The answer is the run that has settled it.
    let again = post(22).await.expect(StatusCode::OK);
    assert_eq!(again.body["id"], run["id"]);

    market.go_to(day(26), "00:00");
    let later = post(25).await.expect(StatusCode::CREATED);
    assert_eq!(later.body["day"], "2026-11-25");
    let list = async |query: &str| {
        let admin = market.world.admin();
        let path = format!("/api/order/settlement-runs{query}");
        market.world.orders.get(&path).bearer(&admin.token).send().await.expect(StatusCode::OK).body
    };
    let page = list("?limit=3").await;
    let days = |page: &serde_json::Value| {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|run| run["day"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(days(&page), ["2026-11-25", "2026-11-24", "2026-11-23"]);
    let next = list(&format!("?limit=3&cursor={}", page["nextCursor"].as_str().unwrap())).await;
    assert_eq!((days(&next), &next["nextCursor"]), (vec!["2026-11-22".to_owned()], &json!(null)));
    assert_eq!(days(&list("?day=2026-11-24").await), ["2026-11-24"]);

    for token in [&market.seller.token, &market.customer.token] {
        market.go_to(day(22), "18:00");
        let path = "/api/order/settlement-runs";
        let seen = market.world.orders.get(path).bearer(token).send().await;
        let _ = seen.expect_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
        let run = market.world.orders.post(path).bearer(token).json(&json!({ "day": day(21) })).send().await;
        let _ = run.expect_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_run_that_goes_on_shows_its_progress_and_keeps_others_out(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    market.seed(day(1), SELLERS).await;
    market.go_to(day(2), "04:00");
    let hold = HoldBefore::new("settle-sellers", 2);
    let run = {
        let (settler, hold) = (market.world.settler_with(small_chunks()), Arc::clone(&hold));
        tokio::spawn(async move { settler.settle_through(day(1), Cause::CommandLine, &*hold).await })
    };
    hold.reached().await;
    let admin = market.world.admin();
    let path = "/api/order/settlement-runs";
    let shown = market.world.orders.get(path).bearer(&admin.token).send().await.expect(StatusCode::OK).body;
    let shown = &shown["items"][0];
    assert_eq!(
        (&shown["status"], &shown["progress"], &shown["endedAt"]),
        (&json!("STARTED"), &json!(40), &json!(null))
    );
    assert_eq!((&shown["steps"][2]["expected"], &shown["steps"][2]["read"]), (&json!(50), &json!(20)));
    let body = json!({ "day": day(1) });
    let second = market.world.orders.post(path).bearer(&admin.token).json(&body).send().await;
    let _ = second.expect_problem(StatusCode::CONFLICT, "SETTLEMENT_RUNNING");
    hold.let_go.add_permits(1);
    assert!(run.await.unwrap().unwrap().is_new);
}
