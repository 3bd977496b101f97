//! A seller whose cakes cost a thousand won, and a customer who buys them.

use std::time::Duration;

use access::{MemberId, Role};
use http::StatusCode;
use order_api::batch::NoListener;
use order_api::settlement::day::BusinessDay;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnectOptions;
use testkit::Answer;
use uuid::Uuid;

use super::{Member, World, one};

/// A world with a seller and a customer.
pub(crate) struct Market {
    pub(crate) world: World,
    pub(crate) customer: Member,
    pub(crate) seller: Member,
    /// A cake of 1,000 won, with enough stock.
    pub(crate) cake: Uuid,
}

/// A day of November 2026.
pub(crate) fn day(day: u8) -> BusinessDay {
    format!("2026-11-{day:02}").parse().expect("a day")
}

/// Waits until `condition` holds. Fails after 20 seconds.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .unwrap_or_else(|_| panic!("did not happen in time: {what}"));
}

impl Market {
    pub(crate) async fn new(options: MySqlConnectOptions) -> Self {
        let world = World::new(options).await;
        let (customer, seller) = (world.customer(10_000_000).await, world.seller().await);
        let (_, cakes) = world.item(&seller, &[(1_000, 1_000_000)]).await;
        Self { world, customer, seller, cake: cakes[0] }
    }

    /// Sells cakes for so many thousand won. Returns the line.
    pub(crate) async fn sell(&self, thousands: u32) -> Uuid {
        self.sell_of(self.cake, thousands).await
    }

    /// Sells pieces of a cake. Returns the line.
    pub(crate) async fn sell_of(&self, cake: Uuid, pieces: u32) -> Uuid {
        let customer = self.world.token(&self.customer, Role::Customer);
        let _ = self.world.add(&customer, cake, pieces).await.expect(StatusCode::OK);
        let order = self.world.order(&customer, &one(cake)).await.expect(StatusCode::CREATED).body;
        // The background work uses tokens of this time, and the test may move the clock next.
        self.world.wait_until_idle().await;
        order["lines"][0]["id"].as_str().and_then(|id| id.parse().ok()).expect("a line")
    }

    /// The customer cancels a line.
    pub(crate) async fn cancel(&self, line: Uuid) -> Answer {
        let customer = self.world.token(&self.customer, Role::Customer);
        let path = format!("/api/order/lines/{line}/cancel");
        self.world.orders.post(&path).bearer(&customer.token).send().await
    }

    /// The customer asks for a refund.
    pub(crate) async fn request_refund(&self, line: Uuid) -> Answer {
        let customer = self.world.token(&self.customer, Role::Customer);
        let path = format!("/api/order/lines/{line}/refund-request");
        let reason = json!({ "reason": "무너졌어요" });
        self.world.orders.post(&path).bearer(&customer.token).json(&reason).send().await
    }

    /// A seller accepts a refund.
    pub(crate) async fn accept_refund(&self, seller: &Member, line: Uuid) -> Answer {
        let seller = self.world.token(seller, Role::Seller);
        let path = format!("/api/order/sales/{line}/refund/accept");
        self.world.orders.post(&path).bearer(&seller.token).send().await
    }

    /// The customer asks for a refund, and the seller accepts it.
    pub(crate) async fn refund(&self, line: Uuid) {
        let _ = self.request_refund(line).await.expect(StatusCode::OK);
        let _ = self.accept_refund(&self.seller, line).await.expect(StatusCode::OK);
    }

    /// Sets the clock to this time of this day in Seoul.
    pub(crate) fn go_to(&self, day: BusinessDay, time: &str) {
        self.world.clock_control.set(day.at(time.parse().expect("HH:MM")));
    }

    /// Settles what is due.
    pub(crate) async fn settle_due(&self) {
        self.world.app.settler.settle_due(&NoListener).await.expect("it can be tried");
    }

    /// The settlements that the seller sees: day, gross, refunds, net and status, the newest first.
    pub(crate) async fn statement(&self) -> Vec<(String, i64, i64, i64, String)> {
        let items = self.get(&self.seller, "/api/order/settlements").await["items"].clone();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let won = |value: &Value| value.as_i64().expect("an amount");
        let items = items.as_array().expect("a page").iter();
        items
            .map(|item| {
                let [gross, refunds, net] = ["gross", "refunds", "net"].map(|key| won(&item[key]));
                (text(&item["day"]), gross, refunds, net, text(&item["status"]))
            })
            .collect()
    }

    /// The body that a seller gets for a path.
    pub(crate) async fn get(&self, seller: &Member, path: &str) -> Value {
        let seller = self.world.token(seller, Role::Seller);
        self.world.orders.get(path).bearer(&seller.token).send().await.expect(StatusCode::OK).body
    }

    /// The seller asks for a payout, with a new key.
    pub(crate) async fn pay(&self, from: u8, to: u8) -> Answer {
        self.pay_by(&self.seller, &Uuid::new_v4().to_string(), from, to).await
    }

    /// A seller asks for a payout, with this key.
    pub(crate) async fn pay_by(&self, seller: &Member, key: &str, from: u8, to: u8) -> Answer {
        let seller = self.world.token(seller, Role::Seller);
        let body = json!({ "from": day(from), "to": day(to) });
        self.world.orders.post("/api/order/payouts").bearer(&seller.token).key(key).json(&body).send().await
    }

    /// The number that a query of the schema `orders` returns.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let row: (i64,) = sqlx::query_as(AssertSqlSafe(sql.to_owned()))
            .fetch_one(&self.world.order_rows)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        row.0
    }

    /// Changes rows of the schema `orders` without the service.
    pub(crate) async fn tamper(&self, sql: &str) {
        let done = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&self.world.order_rows).await;
        assert!(done.expect("it can be done").rows_affected() > 0, "{sql}");
    }

    /// Status and exit code of each run of a day, the oldest first.
    pub(crate) async fn runs(&self, day: BusinessDay) -> Vec<(String, String)> {
        sqlx::query_as(
            "SELECT e.status, COALESCE(e.exit_code, '') FROM job_executions e \
             JOIN job_instances i ON i.id = e.job_instance_id WHERE i.job_key = ? ORDER BY e.id",
        )
        .bind(format!("day={day}"))
        .fetch_all(&self.world.batch_rows)
        .await
        .expect("runs")
    }

    /// Checks that no won is lost: all money that was paid for lines was refunded, was paid out, or is still to be paid out.
    pub(crate) async fn check_books(&self) {
        let sum =
            |what: &str, rest: &str| format!("SELECT CAST(COALESCE(SUM({what}), 0) AS SIGNED) FROM {rest}");
        let paid = self.number(&sum("line_total", "order_lines WHERE paid_at IS NOT NULL")).await;
        let refunds = self.number(&sum("line_total", "order_lines WHERE refund_id IS NOT NULL")).await;
        let payouts = self.number(&sum("amount", "payouts")).await;
        let pending = self.number(&sum("gross - refunds", "settlements WHERE payout_id IS NULL")).await;
        let open = "seller_day_totals t WHERE NOT EXISTS (SELECT 1 FROM settlements s \
             WHERE s.business_day = t.business_day AND s.seller_id = t.seller_id)";
        let open = self.number(&sum("gross - refunds", open)).await;
        assert_eq!(
            payouts + pending + open + refunds,
            paid,
            "payouts {payouts}, pending {pending}, open {open}, refunds {refunds}"
        );
        let bound = self.number(&sum("gross - refunds", "settlements WHERE payout_id IS NOT NULL")).await;
        assert_eq!(bound, payouts, "what is bound is what is paid");
    }

    /// Inserts a sale of a day for each of `sellers` new sellers, for runs over many sellers.
    pub(crate) async fn seed(&self, day: BusinessDay, sellers: u32) -> Vec<MemberId> {
        let mut ids: Vec<MemberId> = (0..sellers).map(|_| MemberId(Uuid::new_v4())).collect();
        ids.sort_unstable_by_key(|id| id.0);
        for (seller, won) in ids.iter().zip(1_000_i64..) {
            let (order, line) = (Uuid::new_v4(), Uuid::new_v4());
            sqlx::query("INSERT INTO orders (id, customer_id, customer_name, status, total, created_at) VALUES (?, ?, '김달콤', 'CONFIRMED', ?, ?)")
                .bind(order).bind(self.customer.id.0).bind(won).bind(day.start())
                .execute(&self.world.order_rows).await.expect("an order");
            sqlx::query(
                "INSERT INTO order_lines (id, order_id, position, seller_id, store_id, store_name, item_id, item_name, \
                 option_id, option_name, price, quantity, line_total, wish, status, paid_at, business_day) \
                 VALUES (?, ?, 0, ?, ?, '가게', ?, '케이크', ?, '1호', ?, 1, ?, ?, 'ORDERED', ?, ?)",
            )
            .bind(line).bind(order).bind(seller.0).bind(line).bind(line).bind(line)
            .bind(won).bind(won).bind(line).bind(day.start()).bind(day.date())
            .execute(&self.world.order_rows).await.expect("a line");
            sqlx::query("INSERT INTO seller_day_totals (business_day, seller_id, lane, gross, refunds) VALUES (?, ?, 0, ?, 0)")
                .bind(day.date()).bind(seller.0).bind(won)
                .execute(&self.world.order_rows).await.expect("a total");
        }
        ids
    }
}
