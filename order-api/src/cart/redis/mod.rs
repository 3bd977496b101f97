//! Carts in Redis. The one place of this service that knows Redis commands.
//!
//! A cart is one hash for each customer, `cart:{customer's id}` (the braces keep it on one node of a Redis Cluster), with
//! a field for each option; [`record`] has its format. Every change is one script or one transaction, so that it is
//! atomic whichever instance makes it, takes one round trip, and answers the cart as it is after the change. Each touch
//! puts the expiry off.

mod record;

use std::sync::LazyLock;
use std::time::Duration;

use access::MemberId;
use redis::{Cmd, FromRedisValue, Pipeline, RedisError, RedisResult, Script, ScriptInvocation};
use redis_connection::{RedisConnection, Timeouts};
use time::OffsetDateTime;
use uuid::Uuid;

use super::comparison::Compared;
use super::line::{CartLine, MAX_LINES, Seen};
use crate::quantity::Quantity;
use crate::settings::RedisSettings;
use record::Field;

/// A cart is kept so long after it was last touched.
const KEPT_S: i64 = 30 * 24 * 60 * 60;

static PUT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("put.lua")));
static FOLD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("fold.lua")));
static DROP: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("drop.lua")));

/// All carts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Carts {
    redis: RedisConnection,
}

/// A cart, as it was read.
#[derive(Clone, Debug, Default)]
pub struct Cart {
    /// In the order in which they were put in.
    lines: Vec<(CartLine, Field)>,
}

/// A line that is put in.
#[derive(Clone, Debug)]
pub struct NewLine {
    /// The option.
    pub option_id: Uuid,
    /// How many.
    pub quantity: Quantity,
    /// Which wish it is, where it is a new one.
    pub wish: Uuid,
    /// What the customer sees of it, where it is a new line.
    pub seen: Seen,
    /// When.
    pub at: OffsetDateTime,
}

/// Redis did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the carts are out of reach")]
pub struct CartsDown(#[from] RedisError);

/// Why a line can't be put in.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The cart has as many lines as it can have.
    #[error("the cart has {MAX_LINES} lines")]
    TooManyLines,
    /// The line would have more pieces than it can have.
    #[error("the line would have more than {} pieces", Quantity::MAX)]
    TooManyPieces,
    /// Redis did not answer.
    #[error(transparent)]
    Down(#[from] CartsDown),
}

impl Cart {
    /// Its lines, in the order in which they were put in.
    pub fn lines(&self) -> impl Iterator<Item = &CartLine> {
        self.lines.iter().map(|(line, _)| line)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

impl Carts {
    /// Connects at the first use, and again by itself whenever the connection is lost: a process starts, and does what
    /// needs no cart, without Redis.
    pub fn connect(settings: &RedisSettings) -> RedisResult<Self> {
        let timeouts = Timeouts {
            connect: Duration::from_millis(settings.connect_timeout_ms),
            response: Duration::from_millis(settings.response_timeout_ms),
        };
        Ok(Self { redis: RedisConnection::new(&settings.url, timeouts)? })
    }

    /// Whether Redis answers.
    pub async fn check(&self) -> Result<(), CartsDown> {
        redis::cmd("PING").query_async::<()>(&mut self.redis.clone()).await.map_err(CartsDown)
    }

    /// The cart of a customer; empty where there is none.
    pub async fn read(&self, customer: MemberId) -> Result<Cart, CartsDown> {
        let mut pipeline = redis::pipe();
        self.query(customer, touch_and_read(&mut pipeline, &key(customer))).await
    }

    /// Adds pieces of an option.
    pub async fn add(&self, customer: MemberId, line: &NewLine) -> Result<Cart, PutError> {
        self.put("ADD", customer, line).await
    }

    /// Sets how many pieces of an option are wanted.
    pub async fn set(&self, customer: MemberId, line: &NewLine) -> Result<Cart, PutError> {
        self.put("SET", customer, line).await
    }

    async fn put(&self, mode: &str, customer: MemberId, line: &NewLine) -> Result<Cart, PutError> {
        let mut invocation = PUT.key(key(customer));
        invocation
            .arg(mode)
            .arg(line.option_id.to_string())
            .arg(line.quantity.get())
            .arg(line.wish.simple().to_string())
            .arg(record::seen(&line.seen, line.at))
            .arg(MAX_LINES)
            .arg(Quantity::MAX)
            .arg(KEPT_S);
        let (refused, fields): (Option<String>, Vec<(String, Field)>) =
            self.invoke(customer, &invocation).await?;
        match refused.as_deref() {
            None => Ok(self.cart(customer, fields).await),
            Some("LINES") => Err(PutError::TooManyLines),
            Some(_) => Err(PutError::TooManyPieces),
        }
    }

    /// Takes an option out, where it is in.
    pub async fn remove(&self, customer: MemberId, option_id: Uuid) -> Result<Cart, CartsDown> {
        let key = key(customer);
        let mut pipeline = redis::pipe();
        pipeline.hdel(&key, option_id.to_string()).ignore();
        self.query(customer, touch_and_read(&mut pipeline, &key)).await
    }

    /// Takes everything out.
    pub async fn clear(&self, customer: MemberId) -> Result<(), CartsDown> {
        Ok(Cmd::del(key(customer)).query_async(&mut self.redis.clone()).await?)
    }

    /// Remembers that the customer has seen these lines as they are now. A line that was changed since it was read stays
    /// as it is: its customer will hear of the difference at the next read.
    pub async fn fold(&self, customer: MemberId, cart: &Cart, seen: &[Compared]) -> Result<(), CartsDown> {
        let mut invocation = FOLD.key(key(customer));
        let mut differs = false;
        for compared in seen.iter().filter(|compared| compared.differs()) {
            let Some((_, before)) = cart.lines.iter().find(|(line, _)| *line == compared.before) else {
                continue;
            };
            let after = compared.now.as_ref().map(|(now, _)| before.rewritten(now));
            invocation.arg(compared.before.option_id.to_string()).arg(before).arg(after.unwrap_or_default());
            differs = true;
        }
        if differs { self.invoke(customer, &invocation).await } else { Ok(()) }
    }

    /// Takes off what was ordered: an option's wish, and how many pieces of it. Pieces that were added meanwhile stay, as
    /// `rest`, another wish; so does a wish that replaced the one that was ordered. Doing it again changes nothing.
    pub async fn drop_ordered(
        &self,
        customer: MemberId,
        ordered: impl IntoIterator<Item = (Uuid, Uuid, Quantity)>,
        rest: Uuid,
    ) -> Result<(), CartsDown> {
        let mut invocation = DROP.key(key(customer));
        invocation.arg(rest.simple().to_string());
        for (option_id, wish, quantity) in ordered {
            invocation.arg(option_id.to_string()).arg(wish.simple().to_string()).arg(quantity.get());
        }
        self.invoke(customer, &invocation).await
    }

    /// Runs a script. What an older version left under the key in another shape is no cart, and is replaced.
    async fn invoke<T: FromRedisValue>(
        &self,
        customer: MemberId,
        invocation: &ScriptInvocation<'_>,
    ) -> Result<T, CartsDown> {
        match invocation.invoke_async(&mut self.redis.clone()).await {
            Err(error) if is_no_cart(&error) => {
                self.clear(customer).await?;
                Ok(invocation.invoke_async(&mut self.redis.clone()).await?)
            }
            result => Ok(result?),
        }
    }

    async fn query(&self, customer: MemberId, pipeline: &Pipeline) -> Result<Cart, CartsDown> {
        let fields: RedisResult<(Vec<(String, Field)>,)> =
            pipeline.query_async(&mut self.redis.clone()).await;
        match fields {
            Ok((fields,)) => Ok(self.cart(customer, fields).await),
            Err(error) if is_no_cart(&error) => {
                self.clear(customer).await?;
                Ok(Cart::default())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the fields. Those that can't be read, because another version wrote them, are taken out.
    async fn cart(&self, customer: MemberId, fields: Vec<(String, Field)>) -> Cart {
        let mut lines = Vec::with_capacity(fields.len());
        let mut unreadable = Vec::new();
        for (option_id, field) in fields {
            match field.read(&option_id) {
                Some((line, added_at)) => lines.push((added_at, line, field)),
                None => unreadable.push((option_id, field)),
            }
        }
        if !unreadable.is_empty() {
            tracing::warn!(lines = unreadable.len(), "taking lines that can't be read out of a cart");
            let mut invocation = FOLD.key(key(customer));
            for (option_id, field) in &unreadable {
                invocation.arg(option_id).arg(field).arg("");
            }
            // If this fails they are taken out at the next read.
            if let Err(error) = self.invoke::<()>(customer, &invocation).await {
                tracing::debug!(%error, "could not take them out");
            }
        }
        lines.sort_by_key(|(added_at, line, _)| (*added_at, line.option_id));
        Cart { lines: lines.into_iter().map(|(_, line, field)| (line, field)).collect() }
    }
}

fn key(customer: MemberId) -> String {
    format!("cart:{{{customer}}}")
}

fn touch_and_read<'pipeline>(pipeline: &'pipeline mut Pipeline, key: &str) -> &'pipeline Pipeline {
    pipeline.atomic().expire(key, KEPT_S).ignore().hgetall(key)
}

fn is_no_cart(error: &RedisError) -> bool {
    // Alone, or among the errors of a transaction.
    let errors = error.clone().into_server_errors();
    errors.is_some_and(|errors| errors.iter().any(|(_, error)| error.code() == "WRONGTYPE"))
}
