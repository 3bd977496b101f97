//! A day is settled and paid out, through the gateway and by real processes, one of which is killed meanwhile.
//!
//! The clock is real. So the tests move what was sold today to yesterday, directly in the database.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use sqlx::mysql::MySqlPoolOptions;
use sqlx::{AssertSqlSafe, MySqlPool};
use stack::{Override, Stack};
use system_tests::Client;
use system_tests::test_stack::{self, blocking, gateway};
use testkit::member::{Member, PASSWORD, new_key, sign_in};
use testkit::shop::list_item;
use testkit::{eventually, integer, text, until};
use uuid::Uuid;

const RUNS: &str = "/api/order/settlement-runs";
const PATIENCE: Duration = Duration::from_secs(60);

/// A stack on which a day is settled only when an administrator asks for it.
struct World {
    stack: Arc<Stack>,
    client: Client,
    /// The access token of an administrator.
    admin: String,
    orders: MySqlPool,
}

impl World {
    async fn new(more: Vec<Override>) -> Self {
        let mut overrides = vec![Override::new("order-api", "settlement.poll-s", 3_600)];
        overrides.extend(more);
        let stack = tokio::task::spawn_blocking(move || test_stack::start(|_| overrides)).await;
        let stack = Arc::new(stack.expect("a stack that starts"));
        let client = gateway(&stack);
        let url = stack.servers().database_url("orders").expect("an account for tests");
        let orders =
            MySqlPoolOptions::new().max_connections(1).connect(&url).await.expect("the database is up");
        let email = format!("{}@dalkom.example", Uuid::new_v4());
        let admin_email = email.clone();
        blocking(&stack, move |stack| stack.create_admin(&admin_email, PASSWORD))
            .await
            .expect("member-api creates an administrator");
        let admin = text(&sign_in(&client, &email).await, "accessToken");
        Self { stack, client, admin, orders }
    }

    async fn day(&self, days_ago: u8) -> String {
        let sql =
            format!("SELECT CAST(DATE(UTC_TIMESTAMP() + INTERVAL 9 HOUR) - INTERVAL {days_ago} DAY AS CHAR)");
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&self.orders).await.expect("a day")
    }

    async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.orders).await.expect("a number")
    }

    async fn write(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.orders).await.expect(sql);
    }

    /// Moves everything that was sold to the day before.
    async fn move_sales_back_a_day(&self) {
        self.write("UPDATE order_lines SET paid_at = paid_at - INTERVAL 1 DAY, business_day = business_day - INTERVAL 1 DAY").await;
        self.write("UPDATE order_lines SET refund_day = refund_day - INTERVAL 1 DAY").await;
        self.write("UPDATE seller_day_totals SET business_day = business_day - INTERVAL 1 DAY").await;
    }

    /// Runs `order-api settle`. Gives whether it succeeded, and its output.
    async fn settle_on_the_command_line(&self, day: &str) -> (bool, String) {
        let mut command = self.stack.command("order-api").expect("the stack knows order-api");
        command.args(["settle", "--day", day]).stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
        let output = output.expect("order-api can be run");
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        (output.status.success(), said.concat())
    }

    /// The runs of a day, the last one first.
    async fn runs(&self, client: &Client, day: &str) -> Vec<Value> {
        let page = client
            .get(&format!("{RUNS}?day={day}"))
            .bearer(&self.admin)
            .send()
            .await
            .expect(StatusCode::OK)
            .body;
        page["items"].as_array().cloned().expect("a page")
    }
}

#[tokio::test]
async fn sales_are_settled_and_paid_into_the_wallet_of_the_seller() {
    let world = World::new(Vec::new()).await;
    let seller = Member::seller(&world.client).await;
    let item = list_item(&world.client, &seller, &[(10_000, 100)]).await;
    let customer = Member::customer(&world.client, 1_000_000).await;
    let mut lines = Vec::new();
    for pieces in [3, 2, 1] {
        customer.add_to_cart(&item.options[0], pieces).await;
        let order = customer.order().await.expect(StatusCode::CREATED).body;
        lines.push(text(&order["lines"][0], "id"));
    }
    let cancel = format!("/api/order/lines/{}/cancel", lines[2]);
    world.client.post(&cancel).bearer(&customer.token).send().await.expect(StatusCode::OK);

    let run = |token: String, day: String| {
        world.client.post(RUNS).json(&json!({ "day": day })).bearer(&token).send()
    };
    let (today, yesterday) = (world.day(0).await, world.day(1).await);
    run(world.admin.clone(), today.clone())
        .await
        .expect_service_problem(StatusCode::CONFLICT, "DAY_NOT_OVER");
    for other in [&seller, &customer] {
        run(other.token.clone(), yesterday.clone())
            .await
            .expect_service_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
    }
    let (done, said) = world.settle_on_the_command_line(&today).await;
    assert!(!done && said.contains(&format!("{today} is not over")), "{said}");
    world.move_sales_back_a_day().await;
    let (done, said) = world.settle_on_the_command_line(&yesterday).await;
    assert!(done && said.contains(&format!("{yesterday} is settled. Settlements: 1.")), "{said}");
    assert!(
        said.contains("settle-sellers: COMPLETED, 1 read"),
        "without a terminal, the progress is printed in lines: {said}"
    );
    let (done, said) = world.settle_on_the_command_line(&yesterday).await;
    assert!(done && said.contains(&format!("{yesterday} was settled before")), "{said}");
    let settled = run(world.admin.clone(), yesterday.clone()).await.expect(StatusCode::OK).body;
    let shown = (&settled["day"], &settled["exitCode"], &settled["cause"]);
    assert_eq!(shown, (&json!(yesterday), &json!("COMPLETED"), &json!("COMMAND_LINE")));

    let settlements = world
        .client
        .get("/api/order/settlements")
        .bearer(&seller.token)
        .send()
        .await
        .expect(StatusCode::OK)
        .body;
    let expected = json!({
        "day": yesterday, "gross": 60_000, "refunds": 10_000, "net": 50_000, "status": "PENDING", "payoutId": null,
    });
    assert_eq!(settlements["items"], json!([expected]));
    world
        .client
        .get("/api/order/settlements")
        .bearer(&customer.token)
        .send()
        .await
        .expect_service_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");

    let pay = || {
        let body = json!({ "from": yesterday, "to": yesterday });
        world.client.post("/api/order/payouts").json(&body).bearer(&seller.token).key(&new_key()).send()
    };
    let payout = pay().await.expect(StatusCode::CREATED).body;
    assert_eq!((integer(&payout, "amount"), integer(&payout, "days")), (50_000, 1));
    assert_eq!(seller.balance().await, 50_000);
    pay().await.expect_service_problem(StatusCode::CONFLICT, "NOTHING_TO_PAY");
    let paid = world
        .client
        .get("/api/order/settlements?status=PAID")
        .bearer(&seller.token)
        .send()
        .await
        .expect(StatusCode::OK)
        .body;
    assert_eq!(paid["items"][0]["payoutId"], payout["id"]);

    // A refund of a line that was paid out lowers the day on which it is accepted.
    let request = format!("/api/order/lines/{}/refund-request", lines[1]);
    let reason = json!({ "reason": "무너졌어요" });
    world.client.post(&request).json(&reason).bearer(&customer.token).send().await.expect(StatusCode::OK);
    let accept = format!("/api/order/sales/{}/refund/accept", lines[1]);
    world.client.post(&accept).bearer(&seller.token).send().await.expect(StatusCode::OK);
    assert_eq!(customer.balance().await, 1_000_000 - 30_000);
    let lowered = "SELECT CAST(SUM(refunds) AS SIGNED) FROM seller_day_totals \
         WHERE business_day = DATE(UTC_TIMESTAMP() + INTERVAL 9 HOUR)";
    assert_eq!(world.number(lowered).await, 20_000);
    let audit =
        world.client.get("/api/member/audit").bearer(&world.admin).send().await.expect(StatusCode::OK).body;
    assert_eq!(audit["balanced"], json!(true), "{audit}");
}

const SELLERS: i64 = 2_500;
/// A line of 1,000 won for each seller, yesterday at noon. The orders of these lines are not needed here.
const SALES: [&str; 3] = [
    "SET SESSION foreign_key_checks = 0",
    "INSERT INTO order_lines (id, order_id, position, seller_id, store_id, store_name, item_id, item_name, option_id, \
        option_name, price, quantity, line_total, wish, status, paid_at, business_day) \
     SELECT UNHEX(MD5(n)), UNHEX(MD5(n)), 0, UNHEX(MD5(n)), UNHEX(MD5(n)), '가게', UNHEX(MD5(n)), '케이크', \
        UNHEX(MD5(n)), '1호', 1000, 1, 1000, UNHEX(MD5(n)), 'ORDERED', day - INTERVAL 21 HOUR, \
        DATE(day - INTERVAL 1 DAY) \
     FROM (WITH RECURSIVE numbers AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < 50) \
        SELECT a.n * 50 + b.n AS n, CAST(DATE(UTC_TIMESTAMP() + INTERVAL 9 HOUR) AS DATETIME) AS day \
        FROM numbers a, numbers b) AS sales",
    "INSERT INTO seller_day_totals (business_day, seller_id, lane, gross, refunds) \
     SELECT business_day, seller_id, 0, line_total, 0 FROM order_lines",
];

#[tokio::test]
async fn a_run_whose_process_is_killed_is_taken_over_by_another_instance() {
    let small_steps = vec![
        Override::new("order-api", "settlement.chunk-sellers", 1),
        Override::new("order-api", "settlement.lease-s", 3),
    ];
    let world = World::new(small_steps).await;
    let second = blocking(&world.stack, |stack| stack.add_instance("order-api")).await;
    let second = second.expect("a second instance");
    // Only now, because an instance settles at its start what is due.
    for statement in SALES {
        world.write(statement).await;
    }
    let day = world.day(1).await;
    let second = Client::at(&world.stack.url(&second).expect("it serves"));
    let first = Client::at(&world.stack.url("order-api").expect("it serves"));
    let ask = |client: &Client| client.post(RUNS).json(&json!({ "day": day })).bearer(&world.admin);
    let asked = tokio::spawn(ask(&first).try_send());

    until("the run settles sellers", PATIENCE, async || {
        world.number("SELECT COUNT(*) FROM settlements").await >= 50
    })
    .await;
    let shown = world.runs(&second, &day).await;
    assert_eq!(shown[0]["status"], "STARTED", "{shown:?}");
    ask(&second).send().await.expect_service_problem(StatusCode::CONFLICT, "SETTLEMENT_RUNNING");
    blocking(&world.stack, |stack| stack.kill("order-api")).await.expect("it is killed");
    let answer = asked.await.expect("no panic");
    assert!(answer.is_err(), "the killed process has answered: {answer:?}");
    let written = world.number("SELECT COUNT(*) FROM settlements").await;
    assert!(written < SELLERS, "it was killed too late");

    // The other instance waits until the lease has expired: the first one could still be alive.
    let taken_over = eventually(PATIENCE, async || {
        let answer = ask(&second).send().await;
        if answer.code() == "SETTLEMENT_RUNNING" {
            Err("the run is not taken over".to_owned())
        } else {
            Ok(answer)
        }
    })
    .await;
    assert!(
        [StatusCode::CREATED, StatusCode::ACCEPTED].contains(&taken_over.status),
        "{} {}",
        taken_over.status,
        taken_over.body
    );
    until("the run ends", PATIENCE, async || !world.runs(&second, &day).await[0]["endedAt"].is_null()).await;
    let runs = world.runs(&second, &day).await;
    let codes: Vec<&Value> = runs.iter().map(|run| &run["exitCode"]).collect();
    assert_eq!(codes, [&json!("COMPLETED"), &json!("DIED")]);
    let step = |run: &Value, count: &str| {
        let steps = run["steps"].as_array().cloned().unwrap_or_default();
        let step = steps.into_iter().find(|step| step["name"] == "settle-sellers").expect("the step");
        integer(&step, count)
    };
    let both = |count: &str| step(&runs[0], count) + step(&runs[1], count);
    assert_eq!(both("written") + step(&runs[0], "skipped"), SELLERS);
    assert!(step(&runs[0], "skipped") <= 1, "at most one chunk is done and not recorded");
    assert_eq!(world.number("SELECT COUNT(*) FROM settlements").await, SELLERS);
    assert_eq!(world.number("SELECT CAST(SUM(gross) AS SIGNED) FROM settlements").await, 1_000 * SELLERS);
}
