//! Stock while many requests change it at the same time.

use futures::future::join_all;
use http::StatusCode;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use store_api::{items, stock};
use uuid::Uuid;

use crate::shop::{Person, Shop, Stock, an_item, id_of, option_id};

#[sqlx::test]
async fn fault_09_two_buyers_never_get_the_last_piece(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let item = shop.item_of(&shop.seller(), "한정판 케이크", 1).await;
    let option = option_id(&item, 0);
    let orders: Vec<Uuid> = (0..200).map(|_| shop.clock.new_id()).collect();

    let answers = join_all(orders.iter().map(|order| async {
        let lines = [(option, 1)];
        let held = shop.reserve(*order, &lines).await;
        if held.status == StatusCode::OK {
            shop.confirm(*order).await.expect(StatusCode::OK);
        }
        held
    }))
    .await;

    let buyers = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!(buyers, 1);
    for refused in answers.into_iter().filter(|answer| answer.status != StatusCode::OK) {
        let refused = refused.expect_problem(StatusCode::CONFLICT, "OUT_OF_STOCK");
        assert_eq!(refused.body["shortages"][0]["optionId"], json!(option));
    }
    assert_eq!(shop.stock(option).await, Stock::of(0, 0, 1, 0));
    assert_eq!(shop.number("SELECT COUNT(*) FROM reservations").await, 1);
}

#[sqlx::test]
async fn one_order_that_is_sent_many_times_at_once_holds_once(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let item = shop.item_of(&shop.seller(), "케이크", 10).await;
    let option = option_id(&item, 0);
    let order = shop.clock.new_id();
    let lines = [(option, 3)];
    let answers = join_all((0..8).map(|_| shop.reserve(order, &lines))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK && answer.body == answers[0].body));
    assert_eq!(shop.stock(option).await, Stock::of(7, 3, 0, 0));
    let answers = join_all((0..8).map(|_| shop.confirm(order))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    let restock = shop.clock.new_id();
    let answers = join_all((0..8).map(|_| shop.restock(restock, order, option, 2))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    assert_eq!(shop.stock(option).await, Stock::of(9, 0, 3, 2));
}

#[sqlx::test]
async fn orders_of_the_same_options_in_any_order_of_lines_all_go_through(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let all = [("1호", 1, 100), ("2호", 1, 100), ("3호", 1, 100)];
    let item = shop.item(&seller, &store, &an_item("케이크", &all)).await;
    let ids: Vec<Uuid> = (0..3).map(|position| option_id(&item, position)).collect();
    let turns: Vec<Vec<(Uuid, i64)>> =
        (0..30).map(|turn| (0..3).map(|n| (ids[(turn + n * (1 + turn % 2)) % 3], 1)).collect()).collect();
    let turns: Vec<_> = turns
        .into_iter()
        .map(|mut lines| {
            lines.dedup();
            lines
        })
        .collect();

    let answers = join_all(turns.iter().map(|lines| shop.reserve(shop.clock.new_id(), lines))).await;

    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    for id in ids {
        assert_eq!(shop.stock(id).await, Stock::of(70, 30, 0, 0));
    }
}

#[derive(Clone, Debug)]
enum Step {
    Reserve { order: usize, option: usize, pieces: i64, and_other: bool },
    Confirm { order: usize },
    Release { order: usize },
    Restock { order: usize, option: usize, pieces: i64, id: u128 },
    Expire,
    CheckFigures,
    ChangeStock { option: usize, delta: i64 },
    SetStock { option: usize, pieces: i64 },
    DeleteOption,
}

const ORDERS: usize = 6;

fn step() -> impl Strategy<Value = Step> {
    let (order, option) = (0..ORDERS, 0..3_usize);
    prop_oneof![
        4 => (order.clone(), option.clone(), 1..4_i64, any::<bool>())
            .prop_map(|(order, option, pieces, and_other)| Step::Reserve { order, option, pieces, and_other }),
        3 => order.clone().prop_map(|order| Step::Confirm { order }),
        2 => order.clone().prop_map(|order| Step::Release { order }),
        2 => (order, option.clone(), 1..3_i64, 1..4_u128)
            .prop_map(|(order, option, pieces, id)| Step::Restock { order, option, pieces, id }),
        1 => Just(Step::Expire),
        1 => Just(Step::CheckFigures),
        2 => (option.clone(), -3..4_i64).prop_map(|(option, delta)| Step::ChangeStock { option, delta }),
        1 => (option, 0..6_i64).prop_map(|(option, pieces)| Step::SetStock { option, pieces }),
        1 => Just(Step::DeleteOption),
    ]
}

struct Scenario {
    shop: Shop,
    seller: Person,
    item: String,
    options: Vec<Uuid>,
    orders: Vec<Uuid>,
}

impl Scenario {
    async fn open(options: &MySqlConnectOptions) -> Self {
        let shop = Shop::open(options);
        let seller = shop.seller();
        let store = shop.store(&seller, "달콤상점").await;
        let all = [("1호", 1, 3), ("2호", 2, 3), ("3호", 3, 3)];
        let item = shop.item(&seller, &store, &an_item("케이크", &all)).await;
        let options = (0..3).map(|position| option_id(&item, position)).collect();
        let orders = (0..ORDERS).map(|_| shop.clock.new_id()).collect();
        Self { item: id_of(&item), shop, seller, options, orders }
    }

    /// Takes one step. The service may refuse it, but must not fail.
    async fn run(&self, step: &Step) {
        let shop = &self.shop;
        let answer = match step {
            Step::Reserve { order, option, pieces, and_other } => {
                let mut lines = vec![(self.options[*option], *pieces)];
                if *and_other {
                    lines.push((self.options[(option + 1) % 3], 1));
                }
                shop.reserve(self.orders[*order], &lines).await
            }
            Step::Confirm { order } => shop.confirm(self.orders[*order]).await,
            Step::Release { order } => shop.release(self.orders[*order]).await,
            Step::Restock { order, option, pieces, id } => {
                shop.restock(Uuid::from_u128(*id), self.orders[*order], self.options[*option], *pieces).await
            }
            Step::Expire => {
                shop.clock_control.advance(std::time::Duration::from_secs(200));
                stock::expire_due(&shop.database, &shop.clock).await.unwrap();
                return;
            }
            Step::CheckFigures => {
                let corrected = items::check_figures(&shop.database).await.unwrap();
                assert_eq!(corrected, 0, "every step keeps the price and the sold count right by itself");
                return;
            }
            Step::ChangeStock { option, delta } => {
                self.edit(*option, json!({ "quantityDelta": delta })).await
            }
            Step::SetStock { option, pieces } => self.edit(*option, json!({ "quantity": pieces })).await,
            Step::DeleteOption => {
                let path = format!("/api/store/items/{}/options/{}", self.item, self.options[2]);
                shop.delete(&self.seller, &path).await
            }
        };
        assert!(!answer.status.is_server_error(), "{step:?}: {}", answer.body);
    }

    async fn edit(&self, option: usize, body: serde_json::Value) -> testkit::Answer {
        let path = format!("/api/store/items/{}/options/{}", self.item, self.options[option]);
        self.shop.patch(&self.seller, &path, &body).await
    }

    /// Compares the stock of every option with the reservations and restocks, and the figures of the item with its options.
    async fn check_stock(&self) {
        for option in &self.options {
            let stock = self.shop.stock(*option).await;
            let Stock { on_hand, reserved, sold, restocked, supplied } = stock;
            assert!(
                [on_hand, reserved, sold, restocked, supplied].iter().all(|count| *count >= 0),
                "{stock:?}"
            );
            assert_eq!(on_hand + reserved + sold - restocked, supplied, "{stock:?}");
            let (held, bought, came_back): (i64, i64, i64) = sqlx::query_as(
                "SELECT CAST(COALESCE(SUM(IF(r.status = 'HELD', l.quantity, 0)), 0) AS SIGNED), \
                 CAST(COALESCE(SUM(IF(r.status = 'CONFIRMED', l.quantity, 0)), 0) AS SIGNED), \
                 CAST(COALESCE(SUM(l.restocked), 0) AS SIGNED) \
                 FROM reservation_lines l JOIN reservations r ON r.order_id = l.order_id WHERE l.option_id = ?",
            )
            .bind(option)
            .fetch_one(&self.shop.rows)
            .await
            .unwrap();
            assert_eq!((held, bought, came_back), (reserved, sold, restocked));
        }
        let counted = self.shop.number("SELECT sold FROM items").await;
        let sold = self.shop.number("SELECT CAST(SUM(sold - restocked) AS SIGNED) FROM options").await;
        assert_eq!(counted, sold);
        let price = self.shop.number("SELECT min_price FROM items").await;
        let buyable =
            "SELECT COALESCE(MIN(IF(on_hand > 0, price, NULL)), MIN(price)) FROM options WHERE live = 1";
        assert_eq!(price, self.shop.number(buyable).await);
    }
}

#[sqlx::test]
async fn stock_adds_up_after_any_steps_taken_by_many_at_once(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let scenario = Scenario::open(&options).await;
    let mut runner = TestRunner::deterministic();
    let rounds = prop::collection::vec(step(), 12);
    for _ in 0..40 {
        let round = rounds.new_tree(&mut runner).unwrap().current();
        join_all(round.iter().map(|step| scenario.run(step))).await;
        scenario.check_stock().await;
    }
}
