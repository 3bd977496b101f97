//! Random actions of customers and sellers, random settlements and payouts: no won is lost.

use std::time::Duration;

use order_api::settlement::day::BusinessDay;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use uuid::Uuid;

use crate::support::{Market, Member};

const STEPS: usize = 60;

/// Two sellers with a cake of 1,000 won each, and the lines that were sold.
struct Play {
    market: Market,
    sellers: [(Member, Uuid); 2],
    /// Each line, with the index of its seller.
    lines: Vec<(Uuid, usize)>,
    dice: StdRng,
}

impl Play {
    async fn new(options: MySqlConnectOptions, seed: u64) -> Self {
        let market = Market::new(options).await;
        let other = market.world.seller().await;
        let (_, cakes) = market.world.item(&other, &[(1_000, 1_000_000)]).await;
        let sellers = [(market.seller.clone(), market.cake), (other, cakes[0])];
        Self { market, sellers, lines: Vec::new(), dice: StdRng::seed_from_u64(seed) }
    }

    /// Does one random action.
    async fn step(&mut self) {
        let which = self.dice.random_range(0..2);
        let line = (!self.lines.is_empty()).then(|| self.lines[self.dice.random_range(0..self.lines.len())]);
        match (self.dice.random_range(0..10), line) {
            (0..=3, _) | (4..=6, None) => {
                let pieces = self.dice.random_range(1..=9);
                self.lines.push((self.market.sell_of(self.sellers[which].1, pieces).await, which));
            }
            // Many of these are refused, because they are too late or were done before.
            (4, Some((line, _))) => drop(self.market.cancel(line).await),
            (5..=6, Some((line, whose))) => {
                drop(self.market.request_refund(line).await);
                drop(self.market.accept_refund(&self.sellers[whose].0, line).await);
            }
            (7, _) => self.market.settle_due().await,
            (8, _) => {
                let [from, to] = [0_u8; 2].map(|_| self.dice.random_range(20..=30));
                let key = Uuid::new_v4().to_string();
                let seller = &self.sellers[which].0;
                drop(self.market.pay_by(seller, &key, from.min(to), from.max(to)).await);
            }
            _ => self
                .market
                .world
                .clock_control
                .advance(Duration::from_secs(self.dice.random_range(60..50_000))),
        }
    }

    /// Checks that escrow holds the money that is neither refunded nor paid out.
    async fn check_escrow(&self) {
        self.market.world.finish_everything().await;
        let owed = "SELECT (SELECT CAST(COALESCE(SUM(line_total), 0) AS SIGNED) FROM order_lines \
             WHERE paid_at IS NOT NULL AND refund_id IS NULL) \
             - (SELECT CAST(COALESCE(SUM(amount), 0) AS SIGNED) FROM payouts)";
        assert_eq!(self.market.world.escrow().await, self.market.number(owed).await);
    }
}

async fn play(options: MySqlConnectOptions, seed: u64) {
    let mut play = Play::new(options, seed).await;
    for _ in 0..STEPS {
        play.step().await;
        play.market.check_books().await;
    }
    // At the end every day is settled, and so its totals are proved.
    play.market.world.clock_control.advance(Duration::from_secs(2 * 86_400));
    play.market.settle_due().await;
    play.market.check_books().await;
    let yesterday = BusinessDay::of(play.market.world.clock.now()).previous();
    let next = play.market.world.app.settler.next_unsettled().await.expect("the next day");
    assert!(next.is_none_or(|next| next >= yesterday), "{next:?}");
    play.check_escrow().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn payouts_pending_and_refunds_are_what_was_paid(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    play(options, 1).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn payouts_pending_and_refunds_are_what_was_paid_with_another_seed(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    play(options, 2).await;
}
