//! Closing accounts, with real servers: member-api leads, store-api and order-api are asked and told.

use std::sync::Mutex;
use std::time::Duration;

use access::Role;
use http::StatusCode;
use jobs::{Progress, QueueWorker};
use member_api::accounts::closing_worker::{self, DueClosings};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use testkit::{Answer, Client};
use time::OffsetDateTime;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::support::{Fault, Market, Member, World, day, one, until};

/// What a closed member is called.
const NOBODY: &str = "탈퇴한 회원";

/// Asks an instance of member-api to close an account.
async fn close_at(members: &Client, world: &World, member: &Member, role: Role) -> Answer {
    let token = world.token(member, role).token;
    members.delete("/api/member/me").bearer(&token).send().await
}

async fn close(world: &World, member: &Member, role: Role) -> Answer {
    close_at(&world.members, world, member, role).await
}

/// What a refusal says is open: kind, count and amount.
fn open_of(refusal: Answer) -> Vec<(String, i64, Value)> {
    let refusal = refusal.expect_problem(StatusCode::CONFLICT, "ACCOUNT_NOT_SETTLED");
    let open = refusal.body["open"].as_array().expect("what is open").iter();
    open.map(|open| {
        let kind = open["kind"].as_str().expect("a kind").to_owned();
        (kind, open["count"].as_i64().expect("a count"), open["amount"].clone())
    })
    .collect()
}

fn open(kind: &str, count: i64, amount: impl Into<Value>) -> (String, i64, Value) {
    (kind.to_owned(), count, amount.into())
}

/// The phase of a closing.
async fn phase(world: &World, member: &Member) -> String {
    let row: Option<(String,)> = sqlx::query_as("SELECT phase FROM account_closings WHERE member_id = ?")
        .bind(member.id.0)
        .fetch_optional(&world.member_rows)
        .await
        .expect("the database answers");
    row.map_or_else(|| "NONE".to_owned(), |(phase,)| phase)
}

async fn is_closed(world: &World, member: &Member) -> bool {
    let row: (bool,) = sqlx::query_as("SELECT closed_at IS NOT NULL FROM members WHERE id = ?")
        .bind(member.id.0)
        .fetch_one(&world.member_rows)
        .await
        .expect("the member");
    row.0
}

/// The marks of a member in store-api and order-api.
async fn marks(world: &World, member: &Member) -> [String; 2] {
    let mut marks = [String::new(), String::new()];
    for (mark, rows) in marks.iter_mut().zip([&world.store_rows, &world.order_rows]) {
        let row: Option<(String,)> = sqlx::query_as("SELECT state FROM member_closings WHERE member_id = ?")
            .bind(member.id.0)
            .fetch_optional(rows)
            .await
            .expect("the database answers");
        *mark = row.map_or_else(|| "NONE".to_owned(), |(state,)| state);
    }
    marks
}

/// Runs the closings that are due at an instance of member-api.
async fn run_due(world: &World) {
    let mut worker = QueueWorker::new(DueClosings::new(world.member_app.clone()), 4, Progress::new("test"));
    worker.claim().await.expect("the database is there");
    worker.finish().await;
}

/// The number that a query of the schema `orders` returns for a member.
async fn count(world: &World, sql: &str, member: &Member) -> i64 {
    let row: (i64,) = sqlx::query_as(AssertSqlSafe(sql.to_owned()))
        .bind(member.id.0)
        .fetch_one(&world.order_rows)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    row.0
}

/// A new customer who has bought cakes for so many thousand won, and has no money left. Also the line.
async fn customer_with_cake(market: &Market, thousands: u32) -> (Member, Uuid) {
    let world = &market.world;
    let customer = world.customer(i64::from(thousands) * 1_000).await;
    let _ = world.add(&customer, market.cake, thousands).await.expect(StatusCode::OK);
    let order = world.order(&customer, &one(market.cake)).await.expect(StatusCode::CREATED).body;
    world.wait_until_idle().await;
    (customer, order["lines"][0]["id"].as_str().and_then(|id| id.parse().ok()).expect("a line"))
}

async fn change_line(world: &World, customer: &Member, line: Uuid, what: &str) -> Answer {
    let customer = world.token(customer, Role::Customer);
    let request = world.orders.post(&format!("/api/order/lines/{line}/{what}")).bearer(&customer.token);
    let request =
        if what == "cancel" { request } else { request.json(&json!({ "reason": "무너졌어요" })) };
    request.send().await
}

async fn open_store(world: &World, seller: &Member) -> Answer {
    let seller = world.token(seller, Role::Seller);
    let store =
        json!({ "name": Uuid::new_v4().simple().to_string(), "description": "골목 안 공방, 010-1234-5678" });
    world.stores.post("/api/store/stores").bearer(&seller.token).json(&store).send().await
}

#[sqlx::test(migrations = "./migrations")]
async fn the_personal_data_of_a_closed_customer_leaves_every_service(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let world = &market.world;
    let (customer, line) = customer_with_cake(&market, 2).await;
    let (other, _) = customer_with_cake(&market, 1).await;
    let _ = change_line(world, &customer, line, "refund-request").await.expect(StatusCode::OK);
    let path = format!("/api/order/sales/{line}/refund/reject");
    let seller = world.token(&market.seller, Role::Seller);
    let reject = world.orders.post(&path).bearer(&seller.token).json(&json!({ "reason": "이미 드셨어요" }));
    let _ = reject.send().await.expect(StatusCode::OK);
    let _ = world.add(&customer, market.cake, 3).await.expect(StatusCode::OK);
    let item =
        world.stores.get("/api/store/items").send().await.expect(StatusCode::OK).body["items"][0].clone();
    let [item_path, store_path] = [
        format!("/api/store/items/{}", item["id"].as_str().expect("an id")),
        format!("/api/store/stores/{}", item["storeId"].as_str().expect("an id")),
    ];
    for member in [&customer, &other] {
        for path in [format!("{item_path}/heart"), format!("{store_path}/follow")] {
            let _ = world.stores.put(&path).bearer(&member.token).send().await.expect(StatusCode::NO_CONTENT);
        }
    }

    let _ = close(world, &customer, Role::Customer).await.expect(StatusCode::NO_CONTENT);

    let sales = market.get(&market.seller, "/api/order/sales").await;
    let mut names: Vec<&str> = sales["items"]
        .as_array()
        .expect("sales")
        .iter()
        .map(|sale| sale["customerName"].as_str().expect("a name"))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["김달콤", NOBODY]);
    assert!(!sales.to_string().contains("무너졌어요"), "{sales}");
    let reasons = "SELECT COUNT(*) FROM line_changes c JOIN order_lines l ON l.id = c.line_id \
                   JOIN orders o ON o.id = l.order_id WHERE o.customer_id = ? AND c.reason IS NOT NULL AND c.actor = 'CUSTOMER'";
    assert_eq!(count(world, reasons, &customer).await, 0);
    assert_eq!(world.in_cart(&customer).await, []);
    let keys = "SELECT COUNT(*) FROM idempotency_keys WHERE member_id = ?";
    assert_eq!(count(world, keys, &customer).await, 0);
    assert_ne!(count(world, keys, &other).await, 0);
    let shown = async |path: &str| world.stores.get(path).send().await.expect(StatusCode::OK).body;
    assert_eq!(shown(&item_path).await["hearts"], 1);
    assert_eq!(shown(&store_path).await["followers"], 1);
    assert_eq!(marks(world, &customer).await, ["CLOSED", "CLOSED"]);
    assert_eq!(phase(world, &customer).await, "FORGETTING_AGAIN");

    // A request with the old token that was on its way.
    for path in [format!("{item_path}/heart"), format!("{store_path}/follow")] {
        let late = world.stores.put(&path).bearer(&customer.token).send().await;
        let _ = late.expect_problem(StatusCode::CONFLICT, "ACCOUNT_CLOSED");
    }
    let _ = world.add(&customer, market.cake, 1).await.expect(StatusCode::OK);
    let late = world.order(&customer, &one(market.cake)).await;
    let _ = late.expect_problem(StatusCode::CONFLICT, "ACCOUNT_CLOSED");
    let late = change_line(world, &customer, line, "cancel").await;
    let _ = late.expect_problem(StatusCode::CONFLICT, "LINE_STATE_CONFLICT");
    assert_eq!(shown(&item_path).await["hearts"], 1);
    assert_eq!(world.orders_of(&customer).await.len(), 1, "the late order left nothing");

    // When the last token has expired, everything is removed once more.
    world.clock_control.advance(Duration::from_secs(900 + 120));
    run_due(world).await;
    assert_eq!(phase(world, &customer).await, "FORGOTTEN");
    assert_eq!(world.in_cart(&customer).await, []);
    run_due(world).await;
    assert_eq!(phase(world, &customer).await, "FORGOTTEN");
}

#[sqlx::test(migrations = "./migrations")]
async fn everything_that_is_open_of_a_customer_is_listed_at_once(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let world = &market.world;
    let customer = &market.customer;
    let line = market.sell(3).await;
    let _ = market.request_refund(line).await.expect(StatusCode::OK);
    world.to_member.end_all();
    let (instance, client) = world.instance_that_does_not_wait();
    let _ = world.add(customer, market.cake, 5).await.expect(StatusCode::OK);
    let order = client.post("/api/order/orders").bearer(&customer.token).key("slow").json(&one(market.cake));
    let _ = order.send().await.expect(StatusCode::ACCEPTED);
    crate::support::wait_until_idle(&instance).await;

    let refused = close(world, customer, Role::Customer).await;
    assert_eq!(
        open_of(refused),
        [open("WALLET", 1, 9_997_000), open("OPEN_ORDER", 1, 5_000), open("OPEN_REFUND", 1, 3_000)]
    );
    assert!(!is_closed(world, customer).await);
    assert_eq!(
        (marks(world, customer).await, phase(world, customer).await),
        (["NONE".into(), "OPEN".into()], "NONE".into())
    );

    // All of it can go on.
    world.to_member.restore();
    let _ = market.accept_refund(&market.seller, line).await.expect(StatusCode::OK);
    world.finish_everything().await;
    let refused = close(world, customer, Role::Customer).await;
    assert_eq!(open_of(refused), [open("WALLET", 1, 9_995_000)]);
}

#[sqlx::test(migrations = "./migrations")]
async fn everything_that_is_open_of_a_seller_is_listed_until_it_is_paid(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let world = &market.world;
    let seller = &market.seller;
    let line = market.sell(3).await;
    market.sell(4).await;
    let _ = market.request_refund(line).await.expect(StatusCode::OK);
    let refused = close(world, seller, Role::Seller).await;
    assert_eq!(
        open_of(refused),
        [
            open("LIVE_STORE", 1, Value::Null),
            open("OPEN_REFUND", 1, 3_000),
            open("PENDING_SETTLEMENT", 1, 7_000)
        ]
    );
    // The customer is not kept from anything by a seller who asks again and again.
    let _ = market.accept_refund(seller, line).await.expect(StatusCode::OK);
    let store = market.get(seller, "/api/order/sales").await["items"][0]["storeId"].clone();
    world
        .edit(
            seller,
            http::Method::DELETE,
            &format!("/stores/{}", store.as_str().expect("an id")),
            &Value::Null,
        )
        .await;
    let refused = close(world, seller, Role::Seller).await;
    assert_eq!(open_of(refused), [open("PENDING_SETTLEMENT", 1, 4_000)]);

    market.go_to(day(23), "04:00");
    market.settle_due().await;
    let refused = close(world, seller, Role::Seller).await;
    assert_eq!(open_of(refused), [open("PENDING_SETTLEMENT", 1, 4_000)]);

    // A payout whose money is on its way.
    world.to_member.fault_of("POST /internal/wallets", "", Fault::LoseRequest, usize::MAX);
    let (payers, shared) = (world.another_instance().1, world.token(seller, Role::Seller));
    let range = json!({ "from": day(22), "to": day(22) });
    let payout = payers.post("/api/order/payouts").bearer(&shared.token).key("pay").json(&range);
    let _ = payout.send().await.expect(StatusCode::ACCEPTED);
    let refused = close(world, seller, Role::Seller).await;
    assert_eq!(open_of(refused), [open("PENDING_SETTLEMENT", 1, 4_000)]);
    world.to_member.restore();
    world.finish_everything().await;
    let refused = close(world, seller, Role::Seller).await;
    assert_eq!(open_of(refused), [open("WALLET", 1, 4_000)]);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_seller_whose_days_come_to_zero_can_close_and_leaves_no_texts(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let world = &market.world;
    let seller = &market.seller;
    let line = market.sell(3).await;
    let _ = market.cancel(line).await.expect(StatusCode::OK);
    let store = market.get(seller, "/api/order/sales").await["items"][0]["storeId"].clone();
    world
        .edit(
            seller,
            http::Method::DELETE,
            &format!("/stores/{}", store.as_str().expect("an id")),
            &Value::Null,
        )
        .await;
    market.go_to(day(23), "04:00");
    market.settle_due().await;

    let _ = close(world, seller, Role::Seller).await.expect(StatusCode::NO_CONTENT);
    let texts: (String, String, String) = sqlx::query_as(
        "SELECT s.name, s.description, i.description FROM stores s JOIN items i ON i.store_id = s.id WHERE s.seller_id = ?",
    )
    .bind(seller.id.0)
    .fetch_one(&world.store_rows)
    .await
    .expect("a store");
    assert_eq!(texts, (NOBODY.into(), String::new(), String::new()));
    let _ = open_store(world, seller).await.expect_problem(StatusCode::CONFLICT, "ACCOUNT_CLOSED");
}

#[sqlx::test(migrations = "./migrations")]
async fn nothing_new_begins_while_a_closing_is_decided(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let market = Market::new(options).await;
    let world = &market.world;
    let (customer, line) = customer_with_cake(&market, 1).await;
    let _ = world.add(&customer, market.cake, 1).await.expect(StatusCode::OK);
    world.member_to_order.fault_of("PUT /internal/closings", "", Fault::HoldAnswer, 1);
    let decide = async { close(world, &customer, Role::Customer).await };
    let meanwhile = async {
        world.member_to_order.wait_for_fault().await;
        let refused = [
            world.order(&customer, &one(market.cake)).await,
            change_line(world, &customer, line, "cancel").await,
            change_line(world, &customer, line, "refund-request").await,
        ];
        for refused in refused {
            let _ = refused.expect_problem(StatusCode::CONFLICT, "ACCOUNT_CLOSED");
        }
        // What is not new goes on: the cart is shown, the wallet too.
        world.cart(&customer).await;
        world.member_to_order.pass_on_held();
    };
    let (closed, ()) = tokio::join!(decide, meanwhile);
    let _ = closed.expect(StatusCode::NO_CONTENT);
    assert_eq!(world.balance(&customer).await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn money_that_arrives_while_it_is_decided_keeps_the_account_open(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let world = &market.world;
    let (customer, line) = customer_with_cake(&market, 1).await;
    world.member_to_order.fault_of("PUT /internal/closings", "", Fault::HoldAnswer, 1);
    let decide = async { close(world, &customer, Role::Customer).await };
    let meanwhile = async {
        world.member_to_order.wait_for_fault().await;
        world.charge(&customer, 7_000).await;
        world.member_to_order.pass_on_held();
    };
    let (refused, ()) = tokio::join!(decide, meanwhile);
    assert_eq!(open_of(refused), [open("WALLET", 1, 7_000)]);
    // Everything is as before.
    assert_eq!(
        (marks(world, &customer).await, phase(world, &customer).await),
        (["OPEN".into(), "OPEN".into()], "OPEN".into())
    );
    let _ = change_line(world, &customer, line, "refund-request").await.expect(StatusCode::OK);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_service_that_cannot_be_asked_is_a_503_and_changes_nothing(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let world = &market.world;
    let (customer, line) = customer_with_cake(&market, 1).await;
    for down in [&world.member_to_store, &world.member_to_order] {
        down.end_all();
        let refused = close(world, &customer, Role::Customer).await;
        let _ = refused.expect_problem(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE");
        down.restore();
        assert_eq!(phase(world, &customer).await, "NONE");
    }
    // It is down only from the moment at which the member is to be marked; and the mark is lost, or its answer is.
    for (proxy, fault) in [
        (&world.member_to_store, Fault::LoseRequest),
        (&world.member_to_order, Fault::LoseRequest),
        (&world.member_to_store, Fault::LoseAnswer),
        (&world.member_to_order, Fault::LoseAnswer),
    ] {
        proxy.fault_of("PUT /internal/closings", "", fault, usize::MAX);
        let refused = close(world, &customer, Role::Customer).await;
        let _ = refused.expect_problem(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE");
        proxy.restore();
        assert_eq!(phase(world, &customer).await, "OPEN", "{fault:?}");
        assert!(marks(world, &customer).await.iter().all(|mark| mark != "CLOSING"), "{fault:?}");
    }
    let _ = change_line(world, &customer, line, "refund-request").await.expect(StatusCode::OK);
    assert_eq!(open_of(close(world, &customer, Role::Customer).await), [open("OPEN_REFUND", 1, 1_000)]);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_closing_that_could_not_be_undone_is_undone_later(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let world = &market.world;
    let (customer, line) = customer_with_cake(&market, 1).await;
    world.member_to_order.fault_of("PUT /internal/closings", "", Fault::LoseAnswer, usize::MAX);
    world.member_to_order.fault_of("POST /internal/closings", "/undo", Fault::LoseRequest, usize::MAX);
    let refused = close(world, &customer, Role::Customer).await;
    let _ = refused.expect_problem(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE");
    assert_eq!(
        (phase(world, &customer).await.as_str(), marks(world, &customer).await[1].as_str()),
        ("UNDOING", "CLOSING")
    );
    // The account is open meanwhile, and what needs no new business works.
    world.charge(&customer, 1_000).await;
    world.clock_control.advance(Duration::from_secs(1));
    run_due(world).await;
    assert_eq!(phase(world, &customer).await, "UNDOING", "order-api is still not heard");

    world.member_to_order.restore();
    world.clock_control.advance(Duration::from_secs(30));
    run_due(world).await;
    assert_eq!(phase(world, &customer).await, "OPEN");
    assert_eq!(marks(world, &customer).await, ["OPEN", "OPEN"]);
    let _ = change_line(world, &customer, line, "refund-request").await.expect(StatusCode::OK);
}

#[sqlx::test(migrations = "./migrations")]
async fn the_closing_of_a_process_that_stands_still_is_undone_and_has_no_effect_afterwards(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let world = &market.world;
    let (customer, line) = customer_with_cake(&market, 1).await;
    for held in [Fault::HoldRequest, Fault::HoldAnswer] {
        let (still, members) = world.another_member_api();
        world.member_to_order.fault_of("PUT /internal/closings", "", held, 1);
        let decide = async { close_at(&members, world, &customer, Role::Customer).await };
        let meanwhile = async {
            world.member_to_order.wait_for_fault().await;
            world.clock_control.advance(Duration::from_secs(11));
            run_due(world).await;
            assert_eq!(phase(world, &customer).await, "OPEN");
            world.member_to_order.pass_on_held();
        };
        let (answer, ()) = tokio::join!(decide, meanwhile);
        let _ = answer.expect_problem(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE");
        still.background.close();
        still.background.wait().await;
        assert!(!is_closed(world, &customer).await);
        assert_eq!(marks(world, &customer).await, ["OPEN", "OPEN"], "{held:?}");
    }
    let _ = change_line(world, &customer, line, "refund-request").await.expect(StatusCode::OK);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_service_that_was_down_forgets_the_member_later(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let market = Market::new(options).await;
    let world = &market.world;
    let (customer, _) = customer_with_cake(&market, 1).await;
    world.member_to_order.fault_of("POST /internal/closings", "/forget", Fault::LoseRequest, usize::MAX);
    let _ = close(world, &customer, Role::Customer).await.expect(StatusCode::NO_CONTENT);
    let names = async || {
        let sales = market.get(&market.seller, "/api/order/sales").await;
        sales["items"][0]["customerName"].clone()
    };
    assert_eq!((names().await, phase(world, &customer).await.as_str()), (json!("김달콤"), "FORGETTING"));
    world.clock_control.advance(Duration::from_secs(1));
    run_due(world).await;
    assert_eq!(phase(world, &customer).await, "FORGETTING", "order-api is still not heard");
    world.member_to_order.restore();
    world.clock_control.advance(Duration::from_secs(30));
    run_due(world).await;
    assert_eq!((names().await, phase(world, &customer).await.as_str()), (json!(NOBODY), "FORGETTING_AGAIN"));
}

#[sqlx::test(migrations = "./migrations")]
async fn an_account_is_closed_once_however_often_that_is_asked_for(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let world = &market.world;
    let (customer, _) = customer_with_cake(&market, 1).await;
    let (_other, members) = world.another_member_api();
    let closes = (0..6).map(|n| {
        let members = if n % 2 == 0 { &world.members } else { &members };
        close_at(members, world, &customer, Role::Customer)
    });
    for answer in futures::future::join_all(closes).await {
        let _ = answer.expect(StatusCode::NO_CONTENT);
    }
    // The answer was lost, and the request is sent again.
    let _ = close(world, &customer, Role::Customer).await.expect(StatusCode::NO_CONTENT);
    // Nobody knows a member who never was.
    let stranger = Member { id: access::MemberId(Uuid::new_v4()), token: String::new() };
    let _ = close(world, &stranger, Role::Customer)
        .await
        .expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_closing_goes_on_when_its_client_has_gone(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let market = Market::new(options).await;
    let world = &market.world;
    let (customer, _) = customer_with_cake(&market, 1).await;
    world.member_to_order.fault_of("PUT /internal/closings", "", Fault::HoldRequest, 1);
    tokio::select! {
        answer = close(world, &customer, Role::Customer) => panic!("{answer:?}"),
        () = world.member_to_order.wait_for_fault() => {}
    }
    world.member_to_order.pass_on_held();
    until("the account is closed everywhere", async || phase(world, &customer).await == "FORGETTING_AGAIN")
        .await;
    assert!(is_closed(world, &customer).await);
}

#[sqlx::test(migrations = "./migrations")]
async fn an_order_that_is_being_written_is_waited_for(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let market = Market::new(options).await;
    let world = &market.world;
    let customer = world.customer(0).await;
    let (id, now) = (customer.id.0, world.clock.now());
    let (written, wait_until_written) = oneshot::channel();
    let (go_on, wait_to_go_on) = oneshot::channel::<()>();
    let channels = Mutex::new(Some((written, wait_to_go_on)));
    let order = world.app.database.run_tx("order", move |connection| {
        let channels = channels.lock().expect("no panic").take();
        Box::pin(async move {
            sqlx::query("INSERT INTO orders (id, customer_id, status, total, created_at) VALUES (?, ?, 'PENDING', 5, ?)")
                .bind(Uuid::new_v4())
                .bind(id)
                .bind(now)
                .execute(connection)
                .await?;
            let (written, wait) = channels.expect("it is run once");
            written.send(()).expect("somebody waits");
            wait.await.expect("it is told");
            Ok::<_, sqlx::Error>(())
        })
    });
    let decide = async {
        wait_until_written.await.expect("it is written");
        close(world, &customer, Role::Customer).await
    };
    let commit = async {
        until("the look waits for the order", async || {
            let at_work = testkit::statements(&world.order_rows).await;
            at_work.iter().any(|sql| sql.contains("FROM orders o") && sql.ends_with("FOR UPDATE"))
        })
        .await;
        go_on.send(()).expect("it waits");
    };
    let (order, refused, ()) = tokio::join!(order, decide, commit);
    order.expect("it is committed");
    assert_eq!(open_of(refused), [open("OPEN_ORDER", 1, 5)]);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_closed_wallet_is_empty_whatever_happens_at_the_same_moment(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let world = &market.world;
    let (_app, orders) = world.another_instance();
    let (_member_app, members) = world.another_member_api();
    let (mut closed, mut refused) = (0, 0);
    for round in 0..24_u32 {
        let (customer, line) = customer_with_cake(&market, 1).await;
        if round % 4 == 3 {
            let _ = world.add(&customer, market.cake, 1).await.expect(StatusCode::OK);
        }
        let meanwhile = async {
            match round % 4 {
                0 => change_line(world, &customer, line, "cancel").await,
                1 => change_line(world, &customer, line, "refund-request").await,
                2 => {
                    let request = world.members.post("/api/member/me/wallet/charges").bearer(&customer.token);
                    request.key("late").json(&json!({ "amount": 1_000 })).send().await
                }
                _ => {
                    let request = orders.post("/api/order/orders").bearer(&customer.token);
                    request.key("late").json(&one(market.cake)).send().await
                }
            }
        };
        // Each begins at another moment of the closing.
        let head_start = Duration::from_micros(u64::from(round / 4) * 4_000);
        let close = async {
            tokio::time::sleep(head_start).await;
            close_at(&members, world, &customer, Role::Customer).await
        };
        let (meanwhile, answer) = tokio::join!(meanwhile, close);
        world.wait_until_idle().await;
        let is_closed = is_closed(world, &customer).await;
        assert_eq!(is_closed, answer.status == StatusCode::NO_CONTENT, "{} {}", answer.status, answer.body);
        if is_closed {
            closed += 1;
            let why = format!("round {round}: {} {}", meanwhile.status, meanwhile.body);
            assert_eq!(world.balance(&customer).await, 0, "{why}");
            let open = "SELECT (SELECT COUNT(*) FROM orders WHERE customer_id = ? AND status = 'PENDING')";
            assert_eq!(count(world, open, &customer).await, 0, "{why}");
            let open = "SELECT COUNT(*) FROM orders o JOIN order_lines l ON l.order_id = o.id WHERE o.customer_id = ? \
                        AND l.status IN ('REFUND_REQUESTED', 'CANCELLED', 'REFUNDED')";
            assert_eq!(count(world, open, &customer).await, 0, "{why}");
        } else {
            refused += 1;
            let _ = open_of(answer);
            assert_ne!(marks(world, &customer).await[1], "CLOSING");
        }
    }
    assert!(closed > 0 && refused > 0, "both happened: {closed} closed, {refused} refused");
}

#[sqlx::test(migrations = "./migrations")]
async fn no_store_is_opened_by_a_seller_who_is_closed_at_the_same_moment(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    for _ in 0..8 {
        let seller = world.seller().await;
        let (opened, answer) =
            tokio::join!(open_store(&world, &seller), close(&world, &seller, Role::Seller));
        let live: (i64,) = sqlx::query_as("SELECT COUNT(*) FROM stores WHERE seller_id = ? AND live = 1")
            .bind(seller.id.0)
            .fetch_one(&world.store_rows)
            .await
            .expect("a count");
        if answer.status == StatusCode::NO_CONTENT {
            assert_eq!(live.0, 0);
            let _ = opened.expect_problem(StatusCode::CONFLICT, "ACCOUNT_CLOSED");
        } else {
            let _ = open_of(answer);
            assert_eq!(live.0, i64::from(opened.status == StatusCode::CREATED));
        }
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_line_of_a_closed_seller_can_no_longer_be_refunded(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let world = &market.world;
    let line = market.sell(1).await;
    sqlx::query(
        "INSERT INTO member_closings (member_id, number, state, changed_at) VALUES (?, 1, 'CLOSED', ?)",
    )
    .bind(market.seller.id.0)
    .bind(world.clock.now())
    .execute(&world.order_rows)
    .await
    .expect("a mark");
    for what in ["refund-request", "cancel"] {
        let refused = change_line(world, &market.customer, line, what).await;
        let _ = refused.expect_problem(StatusCode::CONFLICT, "ACCOUNT_CLOSED");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn an_account_that_an_older_build_has_closed_is_forgotten_too(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let world = &market.world;
    let (customer, _) = customer_with_cake(&market, 1).await;
    sqlx::query("UPDATE members SET email = NULL, password_hash = NULL, closed_at = ? WHERE id = ?")
        .bind(world.clock.now())
        .bind(customer.id.0)
        .execute(&world.member_rows)
        .await
        .expect("a closed account");
    for _ in 0..2 {
        closing_worker::adopt(&world.member_app, OffsetDateTime::UNIX_EPOCH)
            .await
            .expect("the database is there");
    }
    run_due(world).await;
    let sales = market.get(&market.seller, "/api/order/sales").await;
    assert_eq!(sales["items"][0]["customerName"], NOBODY);
    assert_eq!(phase(world, &customer).await, "FORGETTING_AGAIN");
}

#[sqlx::test(migrations = "./migrations")]
async fn only_member_api_may_ask_for_a_closing(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let market = Market::new(options).await;
    let world = &market.world;
    let path = format!("/internal/closings/{}", market.customer.id);
    for (client, service) in [(&world.orders, "order-api"), (&world.stores, "store-api")] {
        let _ = client.get(&path).send().await.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
        let as_customer = client.get(&path).bearer(&market.customer.token).send().await;
        let _ = as_customer.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
        for (caller, status) in [
            ("gateway", StatusCode::FORBIDDEN),
            ("order-api", StatusCode::FORBIDDEN),
            ("member-api", StatusCode::OK),
        ] {
            let token = world.service_token(caller, service);
            assert_eq!(client.get(&path).bearer(&token).send().await.status, status, "{caller} at {service}");
        }
    }
}
