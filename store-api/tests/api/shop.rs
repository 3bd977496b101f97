//! A store-api for one test, people who call it, and helpers that many tests use.

use std::time::Duration;

use access::{MemberId, Role};
use clock::{Clock, ClockControl};
use database::Database;
use http::StatusCode;
use idempotency::IdempotencyKeys;
use serde_json::{Value, json};
use sqlx::MySqlPool;
use sqlx::mysql::MySqlConnectOptions;
use store_api::routes::router;
use store_api::state::AppState;
use testkit::{Answer, Client, People};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use uuid::Uuid;

/// The time at which every test begins.
pub(crate) const START: OffsetDateTime = datetime!(2026-11-22 09:00 UTC);

/// The service under test.
pub(crate) struct Shop {
    pub(crate) client: Client,
    pub(crate) people: People,
    pub(crate) database: Database,
    pub(crate) clock: Clock,
    /// Sets the time of the service.
    pub(crate) clock_control: ClockControl,
    /// Reads and writes rows directly.
    pub(crate) rows: MySqlPool,
}

/// A member with a token.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: MemberId,
    pub(crate) token: String,
}

impl Shop {
    pub(crate) fn open(options: &MySqlConnectOptions) -> Self {
        let (clock, clock_control) = Clock::manual(START);
        let people = People::of("store-api", &clock);
        let database = Database::from_options(options.clone());
        let client = instance(options, &people, &clock);
        let rows = MySqlPool::connect_lazy_with(options.clone());
        Self { client, people, database, clock, clock_control, rows }
    }

    /// Another instance of the service.
    pub(crate) fn another_instance(&self, options: &MySqlConnectOptions) -> Client {
        instance(options, &self.people, &self.clock)
    }

    /// A service with one store: the service, the seller, and the id of the store.
    pub(crate) async fn with_store(options: &MySqlConnectOptions) -> (Self, Person, String) {
        let shop = Self::open(options);
        let seller = shop.seller();
        let store = shop.store(&seller, "달콤상점").await;
        (shop, seller, store)
    }

    /// A service with one item of one option and this many pieces: the service, the seller, and the item.
    pub(crate) async fn with_item(options: &MySqlConnectOptions, pieces: i64) -> (Self, Person, Value) {
        let shop = Self::open(options);
        let seller = shop.seller();
        let item = shop.item_of(&seller, "딸기 케이크", pieces).await;
        (shop, seller, item)
    }

    /// `GET` without a token.
    pub(crate) fn get(&self, path: &str) -> impl Future<Output = Answer> + use<> {
        self.client.get(path).send()
    }

    /// `GET` as a member.
    pub(crate) fn get_as(&self, person: &Person, path: &str) -> impl Future<Output = Answer> + use<> {
        self.client.get(path).bearer(&person.token).send()
    }

    /// `POST` as a member.
    pub(crate) fn post(
        &self,
        person: &Person,
        path: &str,
        body: &Value,
    ) -> impl Future<Output = Answer> + use<> {
        self.client.post(path).bearer(&person.token).json(body).send()
    }

    /// `PATCH` as a member.
    pub(crate) fn patch(
        &self,
        person: &Person,
        path: &str,
        body: &Value,
    ) -> impl Future<Output = Answer> + use<> {
        self.client.patch(path).bearer(&person.token).json(body).send()
    }

    /// `PUT` as a member.
    pub(crate) fn put(&self, person: &Person, path: &str) -> impl Future<Output = Answer> + use<> {
        self.client.put(path).bearer(&person.token).send()
    }

    /// `DELETE` as a member.
    pub(crate) fn delete(&self, person: &Person, path: &str) -> impl Future<Output = Answer> + use<> {
        self.client.delete(path).bearer(&person.token).send()
    }

    pub(crate) fn person(&self, role: Role) -> Person {
        let id = self.people.new_member();
        Person { id, token: self.people.token(id, role) }
    }

    pub(crate) fn seller(&self) -> Person {
        self.person(Role::Seller)
    }

    pub(crate) fn customer(&self) -> Person {
        self.person(Role::Customer)
    }

    /// Opens a store, and returns its id.
    pub(crate) async fn store(&self, seller: &Person, name: &str) -> String {
        let body = json!({ "name": name, "description": "" });
        let answer = self.post(seller, "/api/store/stores", &body).await;
        id_of(&answer.expect(StatusCode::CREATED).body)
    }

    /// Lists an item, and returns it.
    pub(crate) async fn item(&self, seller: &Person, store: &str, body: &Value) -> Value {
        let path = format!("/api/store/stores/{store}/items");
        let answer = self.post(seller, &path, body).await;
        answer.expect(StatusCode::CREATED).body
    }

    /// Opens a store and lists an item with one option and this many pieces, and returns the item.
    pub(crate) async fn item_of(&self, seller: &Person, name: &str, pieces: i64) -> Value {
        let store = self.store(seller, &format!("{name} 전문점")).await;
        self.item(seller, &store, &an_item(name, &[("1호", 30_000, pieces)])).await
    }

    /// Calls an internal route as order-api.
    pub(crate) async fn internal(&self, method: http::Method, path: &str, body: &Value) -> Answer {
        let token = self.people.service_token("order-api", "store-api");
        self.client.request(method, path).bearer(&token).json(body).send().await
    }

    pub(crate) async fn reserve(&self, order: Uuid, lines: &[(Uuid, i64)]) -> Answer {
        let lines: Vec<Value> =
            lines.iter().map(|(option, pieces)| json!({ "optionId": option, "quantity": pieces })).collect();
        let expires_at = (self.clock.now() + Duration::from_secs(600)).format(&Rfc3339).unwrap();
        let path = format!("/internal/reservations/{order}");
        self.internal(http::Method::PUT, &path, &json!({ "expiresAt": expires_at, "lines": lines })).await
    }

    pub(crate) async fn confirm(&self, order: Uuid) -> Answer {
        self.step(order, "confirm").await
    }

    pub(crate) async fn release(&self, order: Uuid) -> Answer {
        self.step(order, "release").await
    }

    /// Takes a step of a reservation.
    async fn step(&self, order: Uuid, step: &str) -> Answer {
        let path = format!("/internal/reservations/{order}/{step}");
        self.internal(http::Method::POST, &path, &json!(null)).await
    }

    pub(crate) async fn restock(&self, id: Uuid, order: Uuid, option: Uuid, pieces: i64) -> Answer {
        let body = json!({ "orderId": order, "optionId": option, "quantity": pieces });
        self.internal(http::Method::POST, &format!("/internal/restocks/{id}"), &body).await
    }

    pub(crate) async fn stock(&self, option: Uuid) -> Stock {
        sqlx::query_as("SELECT on_hand, reserved, sold, restocked, supplied FROM options WHERE id = ?")
            .bind(option)
            .fetch_one(&self.rows)
            .await
            .unwrap()
    }

    /// The number that a SQL query returns.
    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.rows).await.unwrap()
    }
}

fn instance(options: &MySqlConnectOptions, people: &People, clock: &Clock) -> Client {
    let state = AppState::new(Database::from_options(options.clone()), clock.clone());
    let idempotency_keys = IdempotencyKeys::new(state.database.clone(), clock.clone());
    Client(problem::wrap(people.verifier().wrap(router(state, &idempotency_keys))))
}

/// The stock columns of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Stock {
    pub(crate) on_hand: i64,
    pub(crate) reserved: i64,
    pub(crate) sold: i64,
    pub(crate) restocked: i64,
    pub(crate) supplied: i64,
}

impl Stock {
    pub(crate) fn of(on_hand: i64, reserved: i64, sold: i64, restocked: i64) -> Self {
        Self { on_hand, reserved, sold, restocked, supplied: on_hand + reserved + sold - restocked }
    }
}

/// The body of a new item. Each option has a name, a price and a number of pieces.
pub(crate) fn an_item(name: &str, options: &[(&str, i64, i64)]) -> Value {
    let options: Vec<Value> = options
        .iter()
        .map(|(name, price, quantity)| json!({ "name": name, "price": price, "quantity": quantity }))
        .collect();
    json!({ "name": name, "description": "", "category": "CAKE", "options": options })
}

pub(crate) fn id_of(body: &Value) -> String {
    body["id"].as_str().expect("an id").to_owned()
}

/// The path of an item.
pub(crate) fn item_path(item: &Value) -> String {
    format!("/api/store/items/{}", id_of(item))
}

/// The id of an option of an item.
pub(crate) fn option_id(item: &Value, position: usize) -> Uuid {
    item["options"][position]["id"].as_str().expect("an id").parse().expect("a UUID")
}

/// The names on a page, in its order.
pub(crate) fn names(page: &Value) -> Vec<&str> {
    page["items"]
        .as_array()
        .expect("a page")
        .iter()
        .map(|item| item["name"].as_str().expect("a name"))
        .collect()
}
