//! The databases of a stack, read without the services, and the promises about money and stock that they must keep.

mod promises;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use sqlx::mysql::MySqlPoolOptions;
use sqlx::{AssertSqlSafe, MySqlPool};
use stack::Stack;
use testkit::{eventually, until};
use uuid::Uuid;

use promises::{ALWAYS, Promise, WHEN_IDLE};

/// How long unfinished work may take until it is done: leases expire, and services come back.
const PATIENCE: Duration = Duration::from_secs(60);

/// All schemas of a stack.
#[derive(Clone, Debug)]
pub struct Databases(MySqlPool);

const UNFINISHED: &str = "SELECT (SELECT COUNT(*) FROM orders.orders WHERE status = 'PENDING') \
     + (SELECT COUNT(*) FROM orders.checkouts) + (SELECT COUNT(*) FROM orders.outbox) \
     + (SELECT COUNT(*) FROM member.account_closings WHERE phase IN ('DECIDING', 'UNDOING', 'FORGETTING'))";

const UNFINISHED_OF_ORDER: &str = "SELECT (SELECT COUNT(*) FROM orders.checkouts WHERE order_id = ?) \
     + (SELECT COUNT(*) FROM orders.outbox WHERE subject_id = ?)";

impl Databases {
    /// Connects to them.
    ///
    /// # Panics
    /// If the database can't be reached.
    pub async fn of(stack: &Stack) -> Self {
        let url = stack.servers().database_url("orders").expect("the stack has an account for tests");
        Self(MySqlPoolOptions::new().max_connections(2).connect(&url).await.expect("the database is up"))
    }

    /// Checks the promises that must be kept at every moment.
    ///
    /// # Panics
    /// If one is not kept.
    pub async fn check(&self) {
        self.expect_zero(&ALWAYS).await;
    }

    /// Waits until all work is finished, and checks all promises.
    ///
    /// # Panics
    /// If work is not finished in time, or a promise is not kept.
    pub async fn check_when_idle(&self) {
        self.wait_until_idle().await;
        // Tests that share the stack may begin new work between the wait and the check.
        eventually(PATIENCE, async || self.check_promises(&WHEN_IDLE).await).await;
        self.expect_zero(&ALWAYS).await;
    }

    /// Waits until no checkout and no closing of an account is unfinished, and the outbox is empty.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn wait_until_idle(&self) {
        until("all work is finished", PATIENCE, async || self.number(UNFINISHED).await == 0).await;
    }

    /// Waits until all work for an order is finished. Returns at once for an answer that is not an order.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn wait_until_finished(&self, order: &Value) {
        let Some(id) = order["id"].as_str().and_then(|id| id.parse::<Uuid>().ok()) else { return };
        until("all work for an order is finished", PATIENCE, async || {
            let unfinished: i64 = sqlx::query_scalar(UNFINISHED_OF_ORDER)
                .bind(id)
                .bind(id)
                .fetch_one(&self.0)
                .await
                .expect("the database answers");
            unfinished == 0
        })
        .await;
    }

    /// The number of orders that a customer has in a status.
    pub async fn orders(&self, customer_id: &str, status: &str) -> i64 {
        self.of_customer("COUNT(*)", customer_id, status).await
    }

    /// The sum of a customer's orders in a status, in won.
    pub async fn total(&self, customer_id: &str, status: &str) -> i64 {
        self.of_customer("CAST(COALESCE(SUM(total), 0) AS SIGNED)", customer_id, status).await
    }

    async fn of_customer(&self, aggregate: &str, customer_id: &str, status: &str) -> i64 {
        let customer_id: Uuid = customer_id.parse().expect("member ids are UUIDs");
        let sql = format!("SELECT {aggregate} FROM orders.orders WHERE customer_id = ? AND status = ?");
        sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(customer_id)
            .bind(status)
            .fetch_one(&self.0)
            .await
            .expect("the database answers")
    }

    /// The number of rows that `rows` selects for an id: `FROM … WHERE … = ?`.
    pub async fn count(&self, rows: &str, id: Uuid) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(format!("SELECT COUNT(*) {rows}")))
            .bind(id)
            .fetch_one(&self.0)
            .await
            .expect("the database answers")
    }

    /// The charges of a member's wallet: the id, the amount and the balance after it, in won.
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

    async fn expect_zero(&self, promises: &[Promise]) {
        if let Err(broken) = self.check_promises(promises).await {
            panic!("{broken}");
        }
    }

    async fn check_promises(&self, promises: &[Promise]) -> Result<(), String> {
        let mut broken = Vec::new();
        for (what, sql) in promises {
            let rows = self.number(sql).await;
            if rows != 0 {
                broken.push(format!("{what}: {rows}"));
            }
        }
        if broken.is_empty() { Ok(()) } else { Err(broken.join("\n")) }
    }

    async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.0).await.expect("the database answers")
    }
}
