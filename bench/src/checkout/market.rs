//! Sellers with options that never run out, and customers with money enough.

use std::sync::Arc;

use anyhow::Context as _;
use http::Method;
use serde_json::{Value, json};
use sqlx::MySqlPool;
use stack::Stack;
use uuid::Uuid;

use crate::arena;
use crate::client::Connection;
use crate::people::{Person, text};

/// Sellers with an item of [`OPTIONS`] options each.
const SELLERS: usize = 24;
const OPTIONS: usize = 3;
/// Items of the hot seller, of one option each.
const HOT_ITEMS: usize = 16;
const PIECES: i64 = 1_000_000;
const PRICE: i64 = 1_000;
/// Ten million won are the most that can be charged at once.
const CHARGE: i64 = 10_000_000;
const CHARGES: usize = 3;

/// Everything that orders need.
pub(crate) struct Market {
    pub(crate) stack: Arc<Stack>,
    pub(crate) pool: MySqlPool,
    pub(crate) customers: Vec<Customer>,
    /// Three of each seller's, seller by seller.
    options: Vec<Offer>,
    hot: Vec<Offer>,
}

/// A customer, and the line of a cart that each offer is for them.
#[derive(Clone)]
pub(crate) struct Customer {
    pub(crate) person: Person,
    pub(crate) cart_key: String,
    /// By option: the line as order-api wrote it.
    pub(crate) lines: Vec<(String, Vec<u8>)>,
}

/// An option and where it belongs.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) option_id: Uuid,
    pub(crate) item_id: Uuid,
    pub(crate) store_id: Uuid,
    pub(crate) seller_id: Uuid,
    pub(crate) price: i64,
}

/// Which options an order is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    OneLine,
    FiveLines,
    HotSeller,
    HotOption,
}

impl Market {
    pub(crate) async fn open(stack: Arc<Stack>, customers: u32) -> anyhow::Result<Self> {
        let pool = arena::database(&stack, "orders", customers).await?;
        let mut gateway = Connection::open(&stack.gateway_url()).await?;
        let mut options = Vec::new();
        for _ in 0..SELLERS {
            options.extend(shop(&mut gateway, 1, OPTIONS).await?);
        }
        let hot = shop(&mut gateway, HOT_ITEMS, 1).await?;
        let mut redis = redis_of(&stack).await?;
        let mut people = Vec::new();
        for _ in 0..customers {
            people.push(customer(&mut gateway, &mut redis, options.iter().chain(&hot)).await?);
        }
        Ok(Self { stack, pool, customers: people, options, hot })
    }

    /// The offers of a customer's next order; `dice` is any number.
    pub(crate) fn pick(&self, pick: Pick, dice: usize) -> Vec<&Offer> {
        let of_seller = |seller: usize, option: usize| {
            let at = (seller % SELLERS) * OPTIONS + option % OPTIONS;
            &self.options[at]
        };
        let seller = dice % SELLERS;
        let spread = dice / SELLERS;
        match pick {
            Pick::OneLine => vec![of_seller(seller, spread)],
            Pick::FiveLines => {
                let mut five = Vec::with_capacity(5);
                for (next, option) in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)] {
                    five.push(of_seller(seller + next, spread + option));
                }
                five
            }
            Pick::HotSeller => vec![&self.hot[dice % HOT_ITEMS]],
            Pick::HotOption => vec![&self.hot[0]],
        }
    }

    /// The offer that everybody wants.
    pub(crate) fn hottest(&self) -> &Offer {
        &self.hot[0]
    }

    /// Which servers run.
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

async fn shop(gateway: &mut Connection, items: usize, options: usize) -> anyhow::Result<Vec<Offer>> {
    let seller = Person::sign_up(gateway, "sellers").await?;
    let token = Some(seller.token.as_str());
    let body = json!({ "name": format!("공방 {}", Uuid::new_v4()), "description": "작은 공방입니다." });
    let store =
        gateway.send(Method::POST, "/api/store/stores", token, &[], Some(&body)).await?.expect(201)?;
    let store_id: Uuid = text(&store, "id")?.parse()?;
    let mut offers = Vec::new();
    for item in 0..items {
        let listed: Vec<Value> = (0..options)
            .map(|option| json!({ "name": format!("{option}호"), "price": PRICE, "quantity": PIECES }))
            .collect();
        let body = json!({
            "name": format!("딸기 생크림 케이크 {item}"), "description": "논산 설향 딸기와 생크림",
            "category": "CAKE", "options": listed,
        });
        let path = format!("/api/store/stores/{store_id}/items");
        let item = gateway.send(Method::POST, &path, token, &[], Some(&body)).await?.expect(201)?;
        for option in item["options"].as_array().context("an item without options")? {
            offers.push(Offer {
                option_id: text(option, "id")?.parse()?,
                item_id: text(&item, "id")?.parse()?,
                store_id,
                seller_id: seller.id,
                price: PRICE,
            });
        }
    }
    Ok(offers)
}

async fn customer(
    gateway: &mut Connection,
    redis: &mut redis::aio::MultiplexedConnection,
    offers: impl Iterator<Item = &Offer>,
) -> anyhow::Result<Customer> {
    let person = Person::sign_up(gateway, "customers").await?;
    let token = Some(person.token.as_str());
    for _ in 0..CHARGES {
        let key = Uuid::new_v4().to_string();
        let headers = [("idempotency-key", key.as_str())];
        let body = json!({ "amount": CHARGE });
        let path = "/api/member/me/wallet/charges";
        gateway.send(Method::POST, path, token, &headers, Some(&body)).await?.expect(201)?;
    }
    for offer in offers {
        let body = json!({ "optionId": offer.option_id, "quantity": 1 });
        let path = "/api/order/cart/lines";
        gateway.send(Method::POST, path, token, &[], Some(&body)).await?.expect(200)?;
    }
    let cart_key = format!("cart:{{{}}}", person.id);
    let lines = redis::cmd("HGETALL").arg(&cart_key).query_async(redis).await?;
    redis::cmd("DEL").arg(&cart_key).query_async::<()>(redis).await?;
    Ok(Customer { person, cart_key, lines })
}
