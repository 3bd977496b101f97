//! The promises about money and stock, proved from the databases alone. What must hold is in `books/promises.rs`.

mod promises;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::mysql::MySqlPoolOptions;
use sqlx::{AssertSqlSafe, MySqlPool};
use stack::Stack;
use uuid::Uuid;

use promises::{ALWAYS, Promise, WHEN_QUIET};

/// How long unfinished work may take to end by itself: leases run out, services come back.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// All schemas of a stack, read past the services.
#[derive(Clone, Debug)]
pub struct Books(MySqlPool);

const UNFINISHED: &str = "SELECT (SELECT COUNT(*) FROM orders.orders WHERE status = 'PENDING') \
     + (SELECT COUNT(*) FROM orders.checkouts) + (SELECT COUNT(*) FROM orders.outbox)";

const OWED: &str = "SELECT (SELECT COUNT(*) FROM orders.checkouts WHERE order_id = ?) \
     + (SELECT COUNT(*) FROM orders.outbox WHERE subject_id = ?)";

impl Books {
    /// Opens them.
    ///
    /// # Panics
    /// If the database can't be reached.
    pub async fn of(stack: &Stack) -> Self {
        let url = stack.servers().database_url("orders").expect("the stack has an account for tests");
        Self(MySqlPoolOptions::new().max_connections(2).connect(&url).await.expect("the database is up"))
    }

    /// Checks what must hold at every moment.
    ///
    /// # Panics
    /// If it does not.
    pub async fn check(&self) {
        self.all_zero(&ALWAYS).await;
    }

    /// Waits until nothing is under way any more, and checks everything.
    ///
    /// # Panics
    /// If something does not end by itself, or does not add up.
    pub async fn check_when_quiet(&self) {
        self.quiet().await;
        self.all_zero(&ALWAYS).await;
        self.all_zero(&WHEN_QUIET).await;
    }

    /// Waits until no order is under way and nothing is owed to another service.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn quiet(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.number(UNFINISHED).await > 0 {
            assert!(Instant::now() < deadline, "work does not end by itself");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until nothing is owed for an order any more; at once for an answer that is none.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn is_through(&self, order: &Value) {
        let Some(id) = order["id"].as_str().and_then(|id| id.parse::<Uuid>().ok()) else { return };
        let deadline = Instant::now() + PATIENCE;
        loop {
            let owed: i64 = sqlx::query_scalar(OWED)
                .bind(id)
                .bind(id)
                .fetch_one(&self.0)
                .await
                .expect("the database answers");
            if owed == 0 {
                return;
            }
            assert!(Instant::now() < deadline, "work does not end by itself");
            tokio::time::sleep(POLL).await;
        }
    }

    /// How many orders a customer has in a status.
    pub async fn orders(&self, customer_id: &str, status: &str) -> i64 {
        self.of_customer("COUNT(*)", customer_id, status).await
    }

    /// What a customer's orders in a status come to, in won.
    pub async fn total(&self, customer_id: &str, status: &str) -> i64 {
        self.of_customer("CAST(COALESCE(SUM(total), 0) AS SIGNED)", customer_id, status).await
    }

    async fn of_customer(&self, what: &str, customer_id: &str, status: &str) -> i64 {
        let customer_id: Uuid = customer_id.parse().expect("member ids are UUIDs");
        let sql = format!("SELECT {what} FROM orders.orders WHERE customer_id = ? AND status = ?");
        sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(customer_id)
            .bind(status)
            .fetch_one(&self.0)
            .await
            .expect("the database answers")
    }

    /// How many rows there are of what `rows` selects about one thing: `FROM … WHERE … = ?`.
    pub async fn count(&self, rows: &str, id: Uuid) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(format!("SELECT COUNT(*) {rows}")))
            .bind(id)
            .fetch_one(&self.0)
            .await
            .expect("the database answers")
    }

    /// The charges of a member's wallet: the id, the amount and the balance right after, in won.
    pub async fn charges(&self, member_id: Uuid) -> BTreeSet<(Uuid, i64, i64)> {
        let sql = "SELECT t.id, p.amount, p.balance_after FROM member.transfers t \
                   JOIN member.postings p ON p.transfer_id = t.id WHERE t.kind = 'CHARGE' AND p.account = ?";
        let rows = sqlx::query_as(sql).bind(member_id).fetch_all(&self.0);
        rows.await.expect("the database answers").into_iter().collect()
    }

    /// The orders of a customer: the id, the total in won and the status.
    pub async fn orders_of(&self, customer_id: Uuid) -> BTreeSet<(Uuid, i64, String)> {
        let sql = "SELECT id, total, status FROM orders.orders WHERE customer_id = ?";
        let rows = sqlx::query_as(sql).bind(customer_id).fetch_all(&self.0);
        rows.await.expect("the database answers").into_iter().collect()
    }

    async fn all_zero(&self, figures: &[Promise]) {
        let mut broken = Vec::new();
        for (what, sql) in figures {
            let rows = self.number(sql).await;
            if rows != 0 {
                broken.push(format!("{what}: {rows}"));
            }
        }
        assert!(broken.is_empty(), "{broken:#?}");
    }

    async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.0).await.expect("the database answers")
    }
}
