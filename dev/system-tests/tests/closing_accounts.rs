//! Closing an account while member-api is killed at every moment of it, and while another service is down.
//!
//! In the end, and without an operator, the account is open everywhere or closed everywhere. No service keeps the mark of a closing
//! that was undone, or the name of a member whose account is closed.

#![expect(clippy::unwrap_used, reason = "what a test can't go on without fails it")]

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use stack::{Override, Stack};
use system_tests::Client;
use system_tests::databases::Databases;
use system_tests::test_stack::{self, blocking, database_proxy, gateway, start_again, wait_until_served};
use testkit::member::Member;
use testkit::shop::{Item, list_item};
use testkit::{Answer, Fault, FaultProxy, until};
use uuid::Uuid;

const PRICE: i64 = 7_000;
/// The least number of requests that member-api makes to its database to close an account. Fewer mean that the proxy does
/// not see the work.
const FEWEST_MOMENTS: usize = 12;
/// How long it may take until a service is used again, or until an interrupted closing has ended.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

struct World {
    stack: Arc<Stack>,
    proxy: FaultProxy,
    client: Client,
    databases: Databases,
    item: Item,
}

/// A stack in which member-api reaches its database through a proxy, and interrupted closings are claimed quickly.
fn start_with_proxy() -> (Stack, FaultProxy) {
    let mut proxy = None;
    let stack = test_stack::start(|servers| {
        let (to_database, mut overrides) = database_proxy("member-api", servers);
        proxy = Some(to_database);
        overrides.extend([
            Override::new("member-api", "closing.lease-s", 2),
            Override::new("member-api", "closing.poll-ms", 200),
        ]);
        overrides
    });
    (stack, proxy.unwrap())
}

impl World {
    async fn new() -> Self {
        let (stack, proxy) = tokio::task::spawn_blocking(start_with_proxy).await.unwrap();
        let client = gateway(&stack);
        let seller = Member::seller(&client).await;
        let item = list_item(&client, &seller, &[(PRICE, 100_000)]).await;
        let databases = Databases::of(&stack).await;
        Self { stack: Arc::new(stack), proxy, client, databases, item }
    }

    /// A customer who has spent all money, and has left a name, a heart and a follow.
    async fn customer(&self) -> Member {
        let customer = Member::customer(&self.client, PRICE).await;
        customer.add_to_cart(&self.item.options[0], 1).await;
        customer.order().await.expect(StatusCode::CREATED);
        let Item { id, store_id, .. } = &self.item;
        for path in [format!("/api/store/items/{id}/heart"), format!("/api/store/stores/{store_id}/follow")] {
            self.client.put(&path).bearer(&customer.token).send().await.expect(StatusCode::NO_CONTENT);
        }
        customer
    }

    async fn close(&self, customer: &Member) -> Answer {
        self.client.delete("/api/member/me").bearer(&customer.token).send().await
    }

    async fn count(&self, rows: &str, customer: &Member) -> i64 {
        self.databases.count(rows, customer.id.parse::<Uuid>().unwrap()).await
    }

    async fn is_closed(&self, customer: &Member) -> bool {
        self.count("FROM member.members WHERE closed_at IS NOT NULL AND id = ?", customer).await == 1
    }

    /// Waits until a closing that has begun has ended, and checks that all services agree.
    async fn check_end(&self, customer: &Member) {
        let unfinished = "FROM member.account_closings WHERE phase IN ('DECIDING', 'UNDOING', 'FORGETTING') AND member_id = ?";
        until("the closing has ended", PATIENCE, async || self.count(unfinished, customer).await == 0).await;
        let is_closed = self.is_closed(customer).await;
        let state = if is_closed { "CLOSED" } else { "OPEN" };
        for schema in ["store", "orders"] {
            let other = format!("FROM {schema}.member_closings WHERE state <> '{state}' AND member_id = ?");
            assert_eq!(self.count(&other, customer).await, 0, "{schema} does not know that it is {state}");
        }
        let left = i64::from(!is_closed);
        let name =
            format!("FROM orders.orders WHERE customer_name = '{}' AND customer_id = ?", customer.name);
        assert_eq!(self.count(&name, customer).await, left, "the name, {state}");
        for table in ["hearts", "follows"] {
            let rows = format!("FROM store.{table} WHERE member_id = ?");
            assert_eq!(self.count(&rows, customer).await, left, "{table}, {state}");
        }
    }

    /// Closes an account, and repeats it until it is closed. The answer to an interrupted request is not known.
    async fn close_in_the_end(&self, customer: &Member) {
        until("the account is closed", PATIENCE, async || {
            let answer = self.close(customer).await;
            let is_expected = matches!(answer.status.as_u16(), 204 | 401 | 502..=504);
            assert!(is_expected, "{} {}", answer.status, answer.body);
            answer.status == StatusCode::NO_CONTENT || self.is_closed(customer).await
        })
        .await;
        self.check_end(customer).await;
    }

    async fn wait_for_member_api(&self) {
        wait_until_served(&self.client, "/.well-known/jwks.json").await;
    }

    /// Kills member-api at a request to its database while it closes an account. False if that was finished before.
    async fn kill_at(&self, nth: usize, fault: Fault) -> bool {
        let customer = self.customer().await;
        let (client, token) = (self.client.clone(), customer.token.clone());
        self.proxy.fault_at(nth, fault);
        let close =
            tokio::spawn(async move { client.delete("/api/member/me").bearer(&token).try_send().await });
        let finished = async {
            let done = "FROM member.account_closings WHERE phase = 'FORGETTING_AGAIN' AND member_id = ?";
            while self.count(done, &customer).await == 0 {
                tokio::time::sleep(POLL).await;
            }
        };
        let is_killed = tokio::select! {
            () = self.proxy.wait_for_fault() => true,
            () = finished => !self.proxy.cancel_request_faults(),
        };
        if is_killed {
            blocking(&self.stack, |stack| stack.kill("member-api")).await.unwrap();
            self.proxy.lose_held();
            start_again(&self.stack, "member-api").await;
            self.wait_for_member_api().await;
        }
        let _ = close.await.unwrap();
        self.check_end(&customer).await;
        self.close_in_the_end(&customer).await;
        is_killed
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn member_api_killed_at_every_request_of_a_closing() {
    let world = World::new().await;
    // It opens the connections and prepares the statements, so that later requests are the closing's own.
    let first = world.customer().await;
    world.close_in_the_end(&first).await;
    for fault in [Fault::HoldRequest, Fault::HoldAnswer] {
        for nth in 1.. {
            if !world.kill_at(nth, fault).await {
                assert!(nth > FEWEST_MOMENTS, "finished after {nth} requests");
                break;
            }
            world.databases.check().await;
        }
    }
    world.databases.check_when_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn if_a_service_is_down_the_answer_is_503_and_nothing_changes() {
    let world = World::new().await;
    for part in ["store-api", "order-api"] {
        let customer = world.customer().await;
        world.databases.wait_until_idle().await;
        world.stack.kill(part).unwrap();
        let refused = world.close(&customer).await;
        refused.expect_service_problem(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE");
        assert!(!world.is_closed(&customer).await);
        start_again(&world.stack, part).await;
        world.check_end(&customer).await;
        world.close_in_the_end(&customer).await;
    }
    world.databases.check_when_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_killed_meanwhile_learns_of_the_end() {
    let world = World::new().await;
    for (part, delay_ms) in
        [("order-api", 5), ("store-api", 5), ("order-api", 20), ("store-api", 20), ("order-api", 40)]
    {
        let customer = world.customer().await;
        world.databases.wait_until_idle().await;
        let (client, token) = (world.client.clone(), customer.token.clone());
        let close = tokio::spawn(async move { client.delete("/api/member/me").bearer(&token).send().await });
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        world.stack.kill(part).unwrap();
        let answer = close.await.unwrap();
        assert!(matches!(answer.status.as_u16(), 204 | 503), "{} {}", answer.status, answer.body);
        start_again(&world.stack, part).await;
        world.check_end(&customer).await;
        assert_eq!(world.is_closed(&customer).await, answer.status == StatusCode::NO_CONTENT);
        world.close_in_the_end(&customer).await;
    }
    world.databases.check_when_idle().await;
}
