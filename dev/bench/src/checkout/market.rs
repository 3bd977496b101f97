//! Sellers with enough stock, and customers with enough money.

use std::sync::Arc;

use anyhow::Context as _;
use sqlx::MySqlPool;
use stack::Stack;
use testkit::member::Member;
use testkit::{Client, Server};
use uuid::Uuid;

use crate::measured_stack;
use crate::shop::Shop;

/// The number of sellers. Each has an item with [`OPTIONS`] options.
const SELLERS: usize = 24;
const OPTIONS: usize = 3;
/// The number of items of the hot seller. Each has one option.
const HOT_ITEMS: usize = 16;
const PIECES: i64 = 1_000_000;
const PRICE: i64 = 1_000;
/// Ten million won is the largest charge.
const CHARGE: i64 = 10_000_000;
const CHARGES: usize = 3;

/// Everything that orders need.
pub(crate) struct Market {
    pub(crate) stack: Arc<Stack>,
    pub(crate) pool: MySqlPool,
    pub(crate) customers: Vec<Customer>,
    /// [`OPTIONS`] of each seller, seller by seller.
    options: Vec<Offer>,
    hot: Vec<Offer>,
}

/// A customer, and a cart line of each option.
#[derive(Clone)]
pub(crate) struct Customer {
    pub(crate) id: Uuid,
    pub(crate) member: Member,
    pub(crate) cart_key: String,
    /// The line of each option, in the form in which order-api has written it.
    pub(crate) lines: Vec<(String, String)>,
}

/// An option, with its item, store and seller.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) option_id: Uuid,
    pub(crate) item_id: Uuid,
    pub(crate) store_id: Uuid,
    pub(crate) seller_id: Uuid,
    pub(crate) price: i64,
}

/// Which options an order has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    OneLine,
    FiveLines,
    HotSeller,
    HotOption,
}

impl Market {
    pub(crate) async fn open(stack: Arc<Stack>, customers: u32) -> anyhow::Result<Self> {
        let pool = measured_stack::database(&stack, "orders", customers).await?;
        let gateway = Client::at(&stack.gateway_url());
        let mut options = Vec::new();
        for _ in 0..SELLERS {
            options.extend(offers(&Shop::open(&gateway, 1, OPTIONS, PRICE, PIECES).await)?);
        }
        let hot = offers(&Shop::open(&gateway, HOT_ITEMS, 1, PRICE, PIECES).await)?;
        let mut redis = redis_of(&stack).await?;
        let mut all = Vec::new();
        for _ in 0..customers {
            all.push(customer(&gateway, &mut redis, options.iter().chain(&hot)).await?);
        }
        Ok(Self { stack, pool, customers: all, options, hot })
    }

    /// The offers of an order. Different numbers give different orders.
    pub(crate) fn pick(&self, pick: Pick, number: usize) -> Vec<&Offer> {
        let of_seller = |seller: usize, option: usize| {
            let at = (seller % SELLERS) * OPTIONS + option % OPTIONS;
            &self.options[at]
        };
        let seller = number % SELLERS;
        let spread = number / SELLERS;
        match pick {
            Pick::OneLine => vec![of_seller(seller, spread)],
            Pick::FiveLines => {
                let mut five = Vec::with_capacity(5);
                for (next, option) in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)] {
                    five.push(of_seller(seller + next, spread + option));
                }
                five
            }
            Pick::HotSeller => vec![&self.hot[number % HOT_ITEMS]],
            Pick::HotOption => vec![&self.hot[0]],
        }
    }

    /// The offer that all customers order in [`Pick::HotOption`].
    pub(crate) fn hottest(&self) -> &Offer {
        &self.hot[0]
    }

    /// The versions of the servers.
    pub(crate) async fn servers(&self) -> anyhow::Result<String> {
        let database: String = sqlx::query_scalar("SELECT VERSION()").fetch_one(&self.pool).await?;
        let mut redis = redis_of(&self.stack).await?;
        let info: String = redis::cmd("INFO").arg("server").query_async(&mut redis).await?;
        let version = info.lines().find_map(|line| line.strip_prefix("redis_version:")).unwrap_or("?");
        let cores = std::thread::available_parallelism()?;
        Ok(format!("database {database}, Redis {version}, {cores} cores"))
    }
}

pub(crate) async fn redis_of(stack: &Stack) -> anyhow::Result<redis::aio::MultiplexedConnection> {
    let client = redis::Client::open(stack.servers().redis_url())?;
    client.get_multiplexed_async_connection().await.context("connecting to Redis")
}

fn offers(shop: &Shop) -> anyhow::Result<Vec<Offer>> {
    let (store_id, seller_id) = (shop.store_id.parse()?, shop.seller.id.parse()?);
    let mut offers = Vec::new();
    for item in &shop.items {
        for option_id in &item.option_ids {
            let (option_id, item_id) = (option_id.parse()?, item.id.parse()?);
            offers.push(Offer { option_id, item_id, store_id, seller_id, price: PRICE });
        }
    }
    Ok(offers)
}

async fn customer(
    gateway: &Client<Server>,
    redis: &mut redis::aio::MultiplexedConnection,
    offers: impl Iterator<Item = &Offer>,
) -> anyhow::Result<Customer> {
    let member = Member::customer(gateway, 0).await;
    for _ in 0..CHARGES {
        member.charge(CHARGE).await;
    }
    for offer in offers {
        member.add_to_cart(&offer.option_id.to_string(), 1).await;
    }
    let cart_key = format!("cart:{{{}}}", member.id);
    let lines = redis::cmd("HGETALL").arg(&cart_key).query_async(redis).await?;
    redis::cmd("DEL").arg(&cart_key).query_async::<()>(redis).await?;
    Ok(Customer { id: member.id.parse()?, member, cart_key, lines })
}
