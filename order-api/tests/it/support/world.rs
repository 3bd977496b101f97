//! The services that a checkout needs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use access::{MemberId, Role, Settings as AccessSettings, SigningKey};
use account_closing::{ClosingClient, ORDER_API, STORE_API};
use axum::Router;
use clock::{Clock, ClockControl};
use database::Database;
use discovery::Discovery;
use idempotency::IdempotencyKeys;
use jobs::{Progress, Queue, QueueWorker};
use member_api::accounts::participants::Participants;
use member_client::MemberClient;
use order_api::batch::Batch;
use order_api::cart::Carts;
use order_api::checkout::DueCheckouts;
use order_api::outbox::{DueDeliveries, Outbox};
use order_api::settings::{CheckoutSettings, RedisSettings, SettlementSettings};
use order_api::settlement::counter_shards::CounterShards;
use order_api::settlement::settler::Settler;
use order_api::state::{AppState, Rules};
use serde_json::{Value, json};
use service_client::{ServiceClient, TokenSource};
use sqlx::MySqlPool;
use sqlx::mysql::MySqlConnectOptions;
use store_client::StoreClient;
use testkit::{Answer, Client, People};
use time::macros::datetime;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::FaultProxy;
use super::databases::{create_beside, name_beside};

/// The three services on schemas of their own, with one clock, and with proxies that make faults on demand.
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) clock_control: ClockControl,
    /// One instance of order-api, without workers.
    pub(crate) app: AppState,
    /// A client of its routes.
    pub(crate) orders: Client,
    pub(crate) to_member: FaultProxy,
    pub(crate) to_store: FaultProxy,
    pub(crate) order_rows: MySqlPool,
    pub(crate) member_rows: MySqlPool,
    pub(crate) store_rows: MySqlPool,
    pub(crate) batch_rows: MySqlPool,
    /// One instance of member-api, without workers.
    pub(crate) member_app: member_api::state::AppState,
    pub(crate) member_to_store: FaultProxy,
    pub(crate) member_to_order: FaultProxy,
    pub(crate) members: Client,
    pub(crate) stores: Client,
    people: Arc<People>,
    options: MySqlConnectOptions,
}

/// A member with an access token.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) id: MemberId,
    pub(crate) token: String,
}

/// The stock of an option: the columns of promise 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Stock {
    pub(crate) on_hand: i64,
    pub(crate) reserved: i64,
    pub(crate) sold: i64,
    pub(crate) restocked: i64,
}

pub(crate) fn redis_url() -> String {
    std::env::var("REDIS_URL").expect("REDIS_URL is not set: run the tests with `cargo xtask test`")
}

async fn raw_redis() -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(redis_url()).expect("an address");
    client.get_multiplexed_async_connection().await.expect("Redis is there")
}

/// The body of an order of one option.
pub(crate) fn one(option: Uuid) -> Value {
    json!({ "optionIds": [option] })
}

impl World {
    /// A world with the schema `orders` that `sqlx::test` has created.
    pub(crate) async fn new(options: MySqlConnectOptions) -> Self {
        let (clock, clock_control) = Clock::manual(datetime!(2026-11-22 09:00 UTC));
        let people = Arc::new(People::of("order-api", &clock));
        let member_database = create_beside(&options, 'm').await;
        let store_database = create_beside(&options, 's').await;
        let batch_database = create_beside(&options, 'b').await;
        member_database.migrate(&member_api::db::MIGRATOR).await.expect("member-api's migrations");
        store_database.migrate(&store_api::db::MIGRATOR).await.expect("store-api's migrations");
        batch_database.migrate(&order_api::batch::db::MIGRATOR).await.expect("the batch's migrations");
        let rows =
            |letter| MySqlPool::connect_lazy_with(options.clone().database(&name_beside(&options, letter)));

        let store_keys = IdempotencyKeys::new(store_database.clone(), clock.clone());
        let store_app = store_api::state::AppState::new(store_database, clock.clone());
        let stores = store_api::routes::router(store_app, &store_keys);
        let stores = Client(problem::wrap(people.verifier_of("store-api").wrap(stores)));
        let store_address = serve(stores.0.clone()).await;
        let (order_listener, order_address) = listen().await;
        let member_to_store = FaultProxy::to(&store_address.to_string());
        let member_to_order = FaultProxy::to(&order_address.to_string());
        let member_app =
            member_instance(&people, member_database, &clock, [&member_to_store, &member_to_order]);
        let members = member_routes(&people, &member_app);
        let to_member = FaultProxy::to(&serve(members.0.clone()).await.to_string());
        let to_store = FaultProxy::to(&store_address.to_string());
        let app =
            instance(&options, &clock, &people, [&to_member, &to_store], &redis_url(), Rules::default());
        let orders = routes(&people, &app);
        let router = orders.0.clone();
        tokio::spawn(async move { axum::serve(order_listener, router).await });
        Self {
            clock,
            clock_control,
            app,
            orders,
            to_member,
            to_store,
            order_rows: MySqlPool::connect_lazy_with(options.clone()),
            member_rows: rows('m'),
            store_rows: rows('s'),
            batch_rows: rows('b'),
            member_app,
            member_to_store,
            member_to_order,
            members,
            stores,
            people,
            options,
        }
    }

    /// Another instance of member-api.
    pub(crate) fn another_member_api(&self) -> (member_api::state::AppState, Client) {
        let database =
            Database::from_options(self.options.clone().database(&name_beside(&self.options, 'm')));
        let proxies = [&self.member_to_store, &self.member_to_order];
        let app = member_instance(&self.people, database, &self.clock, proxies);
        let client = member_routes(&self.people, &app);
        (app, client)
    }

    /// Another instance of order-api, in the runtime of the caller.
    pub(crate) fn another_instance(&self) -> (AppState, Client) {
        self.instance_with(&redis_url(), Rules::default())
    }

    /// An instance that answers checkouts at once, finished or not.
    pub(crate) fn instance_that_does_not_wait(&self) -> (AppState, Client) {
        let checkout = CheckoutSettings { answer_within_ms: 0, ..CheckoutSettings::default() };
        self.instance_with(&redis_url(), Rules { checkout: checkout.into(), ..Rules::default() })
    }

    /// An instance with its carts at `redis`.
    pub(crate) fn instance_with(&self, redis: &str, rules: Rules) -> (AppState, Client) {
        let app = instance(
            &self.options,
            &self.clock,
            &self.people,
            [&self.to_member, &self.to_store],
            redis,
            rules,
        );
        let client = routes(&self.people, &app);
        (app, client)
    }

    /// The settler of another process, with these settings.
    pub(crate) fn settler_with(&self, settings: SettlementSettings) -> Settler {
        settler(&self.options, &self.clock, settings)
    }

    /// An administrator.
    pub(crate) fn admin(&self) -> Member {
        let id = self.people.new_member();
        Member { id, token: self.people.token(id, Role::Admin) }
    }

    /// Waits until no background work is running.
    pub(crate) async fn wait_until_idle(&self) {
        wait_until_idle(&self.app).await;
    }

    /// Lets every lease expire and runs what is unfinished, until nothing is.
    pub(crate) async fn finish_everything(&self) {
        for _ in 0..10 {
            self.claim_and_run().await;
            let unfinished: (i64,) =
                sqlx::query_as("SELECT (SELECT COUNT(*) FROM checkouts) + (SELECT COUNT(*) FROM outbox)")
                    .fetch_one(&self.order_rows)
                    .await
                    .expect("two counts");
            if unfinished.0 == 0 {
                return;
            }
        }
        panic!("some work is never finished");
    }

    /// Lets every lease expire and runs what is unfinished, once.
    pub(crate) async fn claim_and_run(&self) {
        self.wait_until_idle().await;
        self.clock_control.advance(Duration::from_secs(31));
        claim_and_run(&self.app, Work::Checkouts).await;
        self.wait_until_idle().await;
        claim_and_run(&self.app, Work::Deliveries).await;
        self.wait_until_idle().await;
    }

    /// A new customer with this balance.
    pub(crate) async fn customer(&self, won: i64) -> Member {
        let customer = self.sign_up("customers", Role::Customer).await;
        if won > 0 {
            self.charge(&customer, won).await;
        }
        customer
    }

    /// A new seller.
    pub(crate) async fn seller(&self) -> Member {
        self.sign_up("sellers", Role::Seller).await
    }

    async fn sign_up(&self, path: &str, role: Role) -> Member {
        let body = json!({
            "email": format!("{}@dalkom.test", Uuid::new_v4().simple()), "password": "a good password", "name": "김달콤",
        });
        let answer = self.members.post(&format!("/api/member/{path}")).json(&body).send().await;
        let answer = answer.expect(http::StatusCode::CREATED);
        let id = MemberId(answer.body["id"].as_str().and_then(|id| id.parse().ok()).expect("an id"));
        Member { id, token: self.people.token(id, role) }
    }

    /// A new access token. The old one may have expired.
    pub(crate) fn token(&self, member: &Member, role: Role) -> Member {
        Member { id: member.id, token: self.people.token(member.id, role) }
    }

    /// A token of the service `caller` for the service `audience`.
    pub(crate) fn service_token(&self, caller: &str, audience: &str) -> String {
        self.people.service_token(caller, audience)
    }

    /// Charges a wallet.
    pub(crate) async fn charge(&self, customer: &Member, won: i64) {
        let customer = self.token(customer, Role::Customer);
        let request = self.members.post("/api/member/me/wallet/charges").bearer(&customer.token);
        let answer = request.key(&Uuid::new_v4().to_string()).json(&json!({ "amount": won })).send().await;
        let _ = answer.expect(http::StatusCode::CREATED);
    }

    /// A store with one item, with options of these prices and quantities. Returns the ids of the item and of the options.
    pub(crate) async fn item(&self, seller: &Member, options: &[(i64, i64)]) -> (Uuid, Vec<Uuid>) {
        let name = Uuid::new_v4().simple().to_string();
        let store = json!({ "name": name, "description": "손으로 만든 케이크" });
        let store = self.stores.post("/api/store/stores").bearer(&seller.token).json(&store).send().await;
        let store = store.expect(http::StatusCode::CREATED).body;
        let options: Vec<Value> = (1..)
            .zip(options)
            .map(|(number, (price, quantity))| {
                json!({ "name": format!("{number}호"), "price": price, "quantity": quantity })
            })
            .collect();
        let item = json!({
            "name": "딸기 케이크", "description": "생딸기", "category": "CAKE", "options": options,
        });
        let path = format!("/api/store/stores/{}/items", store["id"].as_str().expect("an id"));
        let item = self.stores.post(&path).bearer(&seller.token).json(&item).send().await;
        let item = item.expect(http::StatusCode::CREATED).body;
        let id = |value: &Value| value["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        (id(&item), item["options"].as_array().expect("options").iter().map(id).collect())
    }

    /// A request of a seller to store-api.
    pub(crate) async fn edit(&self, seller: &Member, method: http::Method, path: &str, body: &Value) {
        let request = self.stores.request(method, &format!("/api/store{path}")).bearer(&seller.token);
        let request = if body.is_null() { request } else { request.json(body) };
        let answer = request.send().await;
        assert!(answer.status.is_success(), "{path}: {} {}", answer.status, answer.body);
    }

    /// Adds pieces to a cart.
    pub(crate) async fn add(&self, customer: &Member, option: Uuid, pieces: u32) -> Answer {
        let body = json!({ "optionId": option, "quantity": pieces });
        self.orders.post("/api/order/cart/lines").bearer(&customer.token).json(&body).send().await
    }

    /// Reads a cart.
    pub(crate) async fn cart(&self, customer: &Member) -> Value {
        let answer = self.orders.get("/api/order/cart").bearer(&customer.token).send().await;
        answer.expect(http::StatusCode::OK).body
    }

    /// A cart as it is stored in Redis, to the byte.
    pub(crate) async fn stored_cart(&self, customer: &Member) -> Option<Vec<u8>> {
        let key = format!("cart:{{{}}}", customer.id);
        redis::cmd("DUMP").arg(key).query_async(&mut raw_redis().await).await.expect("Redis is there")
    }

    /// Stores a cart as it was before, as a Redis does that has lost its last writes.
    pub(crate) async fn restore_cart(&self, customer: &Member, stored: &[u8]) {
        let key = format!("cart:{{{}}}", customer.id);
        let mut restore = redis::cmd("RESTORE");
        restore.arg(key).arg(0).arg(stored).arg("REPLACE");
        restore.query_async::<()>(&mut raw_redis().await).await.expect("Redis is there");
    }

    /// Acknowledges the messages of a cart at this version.
    pub(crate) async fn acknowledge(&self, customer: &Member, version: &Value) -> Answer {
        let request = self.orders.post("/api/order/cart/acknowledgements").bearer(&customer.token);
        request.json(&json!({ "version": version })).send().await
    }

    /// The lines of a cart: option and pieces.
    pub(crate) async fn in_cart(&self, customer: &Member) -> Vec<(Uuid, u32)> {
        let cart = self.app.carts.read(customer.id).await.expect("Redis is there");
        cart.lines().map(|line| (line.option_id, line.quantity.get())).collect()
    }

    /// Places an order with a new key.
    pub(crate) async fn order(&self, customer: &Member, body: &Value) -> Answer {
        self.order_by(customer, &Uuid::new_v4().to_string(), body).await
    }

    /// Places an order with this key.
    pub(crate) async fn order_by(&self, customer: &Member, key: &str, body: &Value) -> Answer {
        self.orders.post("/api/order/orders").bearer(&customer.token).key(key).json(body).send().await
    }

    /// Forgets the answers that are kept, as if the processes had died after their effects and before they kept them.
    pub(crate) async fn lose_answers(&self) {
        let lost = sqlx::query("UPDATE idempotency_keys SET status = NULL, body = NULL WHERE status = 200");
        assert!(lost.execute(&self.order_rows).await.expect("it can be done").rows_affected() > 0);
        self.clock_control.advance(Duration::from_secs(31));
    }

    /// An order as its customer sees it.
    pub(crate) async fn show(&self, customer: &Member, order_id: &str) -> Value {
        let customer = self.token(customer, Role::Customer);
        let path = format!("/api/order/orders/{order_id}");
        let answer = self.orders.get(&path).bearer(&customer.token).send().await;
        answer.expect(http::StatusCode::OK).body
    }

    /// All orders of a customer: id, status and failure.
    pub(crate) async fn orders_of(&self, customer: &Member) -> Vec<(Uuid, String, Option<String>)> {
        sqlx::query_as("SELECT id, status, failure FROM orders WHERE customer_id = ? ORDER BY id")
            .bind(customer.id.0)
            .fetch_all(&self.order_rows)
            .await
            .expect("orders")
    }

    /// The balance of a wallet.
    pub(crate) async fn balance(&self, member: &Member) -> i64 {
        let row: (i64,) = sqlx::query_as("SELECT balance FROM wallets WHERE member_id = ?")
            .bind(member.id.0)
            .fetch_one(&self.member_rows)
            .await
            .expect("a wallet");
        row.0
    }

    /// The balance of escrow.
    pub(crate) async fn escrow(&self) -> i64 {
        let row: (i64,) = sqlx::query_as(
            "SELECT CAST(COALESCE(SUM(amount), 0) AS SIGNED) FROM postings \
             WHERE account = x'00000000000000000000000000000002'",
        )
        .fetch_one(&self.member_rows)
        .await
        .expect("a sum");
        row.0
    }

    /// The stock of an option.
    pub(crate) async fn stock(&self, option: Uuid) -> Stock {
        sqlx::query_as("SELECT on_hand, reserved, sold, restocked FROM options WHERE id = ?")
            .bind(option)
            .fetch_one(&self.store_rows)
            .await
            .expect("an option")
    }

    /// The number of rows of a table of order-api.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        let row: (i64,) = sqlx::query_as(sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}")))
            .fetch_one(&self.order_rows)
            .await
            .expect("a count");
        row.0
    }
}

impl Stock {
    /// On hand, reserved, sold and restocked.
    pub(crate) const fn of(on_hand: i64, reserved: i64, sold: i64, restocked: i64) -> Self {
        Self { on_hand, reserved, sold, restocked }
    }
}

/// Waits until no background work of an instance is running.
pub(crate) async fn wait_until_idle(app: &AppState) {
    app.background.close();
    app.background.wait().await;
    app.background.reopen();
}

/// A queue of order-api.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Checkouts,
    Deliveries,
}

/// Claims the tasks that are due and fit into the slots, and waits for them. Returns true if more may be due.
pub(crate) async fn claim_and_run(app: &AppState, work: Work) -> bool {
    match work {
        Work::Checkouts => run_due(app, DueCheckouts::new(app.clone())).await,
        Work::Deliveries => run_due(app, DueDeliveries::new(app.outbox.clone(), app.clone())).await,
    }
}

async fn run_due<Q: Queue>(app: &AppState, queue: Q) -> bool {
    let mut worker = QueueWorker::new(queue, app.rules.worker.at_once, Progress::new("test"));
    let has_more = worker.claim().await.expect("the database is there");
    worker.finish().await;
    has_more
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("the port");
    (listener, address)
}

async fn serve(router: Router) -> SocketAddr {
    let (listener, address) = listen().await;
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A client of `service` at `address`, with the tokens of `caller`.
fn service_client(
    people: &Arc<People>,
    caller: &'static str,
    service: &str,
    address: SocketAddr,
) -> ServiceClient {
    let discovery = Discovery::fixed([(service, vec![address])]);
    let people = Arc::clone(people);
    let tokens =
        TokenSource::new(move |audience| Ok::<_, access::TokenError>(people.service_token(caller, audience)));
    let http = service_client::http_client().expect("a client");
    // No call may run into its deadline in a test, however slow the machine is: a reply that is held is let go.
    ServiceClient::new(service, &discovery, tokens, http).with_deadline(Duration::from_secs(120))
}

fn member_instance(
    people: &Arc<People>,
    database: Database,
    clock: &Clock,
    [to_store, to_order]: [&FaultProxy; 2],
) -> member_api::state::AppState {
    let settings = service_host::Live::new(member_api::settings::Tokens {
        signing_keys: vec![SigningKey::generate().expect("a key")],
        access_lifetime_s: 900,
        refresh_lifetime_days: 30,
        session_lifetime_days: 90,
    });
    let access = AccessSettings::of_users("https://dalkom.test", "dalkom", "member-api");
    let participant = |service, proxy: &FaultProxy| {
        ClosingClient::new(service_client(people, "member-api", service, proxy.address()))
    };
    let background = TaskTracker::new();
    member_api::state::AppState {
        otp_keys: member_api::otp::keys::OtpKeys::new(member_api::settings::Otp::default().into()),
        trail: member_api::security_events::trail::Trail::new(
            member_api::settings::SecurityEvents::default().into(),
            database.clone(),
            clock.clone(),
            background.clone(),
        ),
        charge_batcher: member_api::wallet::charge_batcher::ChargeBatcher::new(
            database.clone(),
            clock.clone(),
        ),
        database,
        clock: clock.clone(),
        password_hasher: member_api::members::password_hasher::PasswordHasher::new(
            &member_api::settings::Passwords::default(),
        )
        .expect("threads"),
        throttle: member_api::sessions::throttle::Throttle::new(
            member_api::settings::SignIn::default().into(),
            settings.clone(),
        )
        .expect("a key"),
        tokens: member_api::sessions::tokens::Tokens::new(&settings, &access, clock.clone())
            .expect("good keys"),
        participants: Participants {
            store: participant(STORE_API, to_store),
            order: participant(ORDER_API, to_order),
        },
        closing_settings: member_api::settings::Closing::default(),
        background,
    }
}

fn member_routes(people: &People, app: &member_api::state::AppState) -> Client {
    let idempotency_keys = IdempotencyKeys::new(app.database.clone(), app.clock.clone());
    let queue = hot_key_queue::HotKeyQueue::off();
    let router = member_api::routes::router(app.clone(), &idempotency_keys, &queue);
    Client(problem::wrap(people.verifier_of("member-api").wrap(router)))
}

fn instance(
    options: &MySqlConnectOptions,
    clock: &Clock,
    people: &Arc<People>,
    [to_member, to_store]: [&FaultProxy; 2],
    redis: &str,
    rules: Rules,
) -> AppState {
    let redis = RedisSettings::at(redis.to_owned(), 2_000);
    let database = Database::from_options(options.clone());
    let background = TaskTracker::new();
    let outbox = Outbox::new(
        database.clone(),
        clock.clone(),
        rules.worker.lease(),
        background.clone(),
        order_api::delivery_handlers(),
    );
    AppState {
        database,
        clock: clock.clone(),
        outbox,
        counter_shards: CounterShards::default(),
        settler: settler(options, clock, SettlementSettings::default()),
        carts: Carts::connect(&redis).expect("an address"),
        store: StoreClient::new(service_client(
            people,
            "order-api",
            store_client::SERVICE,
            to_store.address(),
        )),
        member: MemberClient::new(service_client(
            people,
            "order-api",
            member_client::SERVICE,
            to_member.address(),
        )),
        rules: Arc::new(rules),
        background,
    }
}

/// Settles the days of a test.
fn settler(options: &MySqlConnectOptions, clock: &Clock, settings: SettlementSettings) -> Settler {
    let batch = Database::from_options(options.clone().database(&name_beside(options, 'b')));
    let batch = Batch::new(batch, clock.clone(), settings.lease(), CancellationToken::new());
    Settler::new(Database::from_options(options.clone()), batch, clock.clone(), settings)
}

fn routes(people: &People, app: &AppState) -> Client {
    let idempotency_keys = IdempotencyKeys::new(app.database.clone(), app.clock.clone());
    let router = order_api::router(app.clone(), &idempotency_keys);
    Client(problem::wrap(people.verifier().wrap(router)))
}
