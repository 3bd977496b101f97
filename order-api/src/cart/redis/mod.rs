//! The carts in Redis. Only this folder knows Redis commands.
//!
//! Each customer has one hash, `cart:{customer id}` (the braces keep it on one node of a Redis Cluster), with a field for
//! each option; [`record`] has its format. Every change is one script or one transaction. So it is atomic, takes one round
//! trip, and returns the cart as it is after the change. Each read and each change restarts the expiry.

mod record;

use std::sync::LazyLock;
use std::time::Duration;

use access::MemberId;
use redis::{Cmd, FromRedisValue, Pipeline, RedisError, RedisResult, Script, ScriptInvocation};
use redis_connection::{RedisConnection, Timeouts};
use time::OffsetDateTime;
use uuid::Uuid;

use super::comparison::ComparedLine;
use super::line::{CartLine, MAX_LINES, Seen};
use crate::quantity::Quantity;
use crate::settings::RedisSettings;
use record::Field;

/// How long a cart is kept after it was last read or changed, in seconds.
const EXPIRY_S: i64 = 30 * 24 * 60 * 60;

static PUT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("put.lua")));
static MARK_SEEN: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("mark_seen.lua")));
static REMOVE_ORDERED: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("remove_ordered.lua")));

/// All carts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Carts {
    redis: RedisConnection,
}

/// A cart as it was read.
#[derive(Clone, Debug, Default)]
pub struct Cart {
    /// In the order in which they were added, each with its stored value.
    lines: Vec<(CartLine, Field)>,
}

/// A line that is put into a cart.
#[derive(Clone, Debug)]
pub struct NewLine {
    /// The option.
    pub option_id: Uuid,
    /// How many pieces.
    pub quantity: Quantity,
    /// The version, if the line is new or its quantity is set.
    pub line_version: Uuid,
    /// What the customer sees of the option, if the line is new.
    pub seen: Seen,
    /// The time, if the line is new.
    pub added_at: OffsetDateTime,
}

/// Redis does not answer.
#[derive(Debug, thiserror::Error)]
#[error("Redis does not answer")]
pub struct CartsDown(#[from] RedisError);

/// Why a line cannot be put into a cart.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The cart has the largest number of lines.
    #[error("the cart has {MAX_LINES} lines")]
    TooManyLines,
    /// The line would have too many pieces.
    #[error("the line would have more than {} pieces", Quantity::MAX)]
    TooManyPieces,
    /// Redis does not answer.
    #[error(transparent)]
    Down(#[from] CartsDown),
}

impl Cart {
    /// The lines, in the order in which they were added.
    pub fn lines(&self) -> impl Iterator<Item = &CartLine> {
        self.lines.iter().map(|(line, _)| line)
    }

    /// Whether the cart has no lines.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

impl Carts {
    /// Connects at the first use, and again when the connection is lost. So a process starts without Redis, and does
    /// everything that needs no cart.
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

    /// The cart of a customer; empty if there is none.
    pub async fn read(&self, customer: MemberId) -> Result<Cart, CartsDown> {
        let mut pipeline = redis::pipe();
        self.query(customer, touch_and_read(&mut pipeline, &key(customer))).await
    }

    /// Adds pieces of an option.
    pub async fn add(&self, customer: MemberId, line: &NewLine) -> Result<Cart, PutError> {
        self.put("ADD", customer, line).await
    }

    /// Sets the number of pieces of an option.
    pub async fn set(&self, customer: MemberId, line: &NewLine) -> Result<Cart, PutError> {
        self.put("SET", customer, line).await
    }

    async fn put(&self, mode: &str, customer: MemberId, line: &NewLine) -> Result<Cart, PutError> {
        let mut invocation = PUT.key(key(customer));
        invocation
            .arg(mode)
            .arg(line.option_id.to_string())
            .arg(line.quantity.get())
            .arg(line.line_version.simple().to_string())
            .arg(record::seen_json(&line.seen, line.added_at))
            .arg(MAX_LINES)
            .arg(Quantity::MAX)
            .arg(EXPIRY_S);
        let (refused, fields): (Option<String>, Vec<(String, Field)>) =
            self.invoke(customer, &invocation).await?;
        match refused.as_deref() {
            None => Ok(self.cart(customer, fields).await),
            Some("LINES") => Err(PutError::TooManyLines),
            Some(_) => Err(PutError::TooManyPieces),
        }
    }

    /// Removes an option, if it is in the cart.
    pub async fn remove(&self, customer: MemberId, option_id: Uuid) -> Result<Cart, CartsDown> {
        let key = key(customer);
        let mut pipeline = redis::pipe();
        pipeline.hdel(&key, option_id.to_string()).ignore();
        self.query(customer, touch_and_read(&mut pipeline, &key)).await
    }

    /// Removes all lines.
    pub async fn clear(&self, customer: MemberId) -> Result<(), CartsDown> {
        Ok(Cmd::del(key(customer)).query_async(&mut self.redis.clone()).await?)
    }

    /// Stores that the customer has seen the changes of these lines. A line that was changed since it was read stays as it
    /// is; the next read shows its messages again.
    pub async fn mark_seen(
        &self,
        customer: MemberId,
        cart: &Cart,
        seen: &[ComparedLine],
    ) -> Result<(), CartsDown> {
        let mut invocation = MARK_SEEN.key(key(customer));
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

    /// Removes what was ordered: for each line the option, the version and the pieces. Pieces that were added meanwhile stay
    /// and get the version `rest_version`. A line with another version stays as it is. So a repeated call changes nothing.
    pub async fn remove_ordered(
        &self,
        customer: MemberId,
        ordered: impl IntoIterator<Item = (Uuid, Uuid, Quantity)>,
        rest_version: Uuid,
    ) -> Result<(), CartsDown> {
        let mut invocation = REMOVE_ORDERED.key(key(customer));
        invocation.arg(rest_version.simple().to_string());
        for (option_id, version, quantity) in ordered {
            invocation.arg(option_id.to_string()).arg(version.simple().to_string()).arg(quantity.get());
        }
        self.invoke(customer, &invocation).await
    }

    /// Runs a script. If the key has a value of another type, which an older build has written, replaces it.
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

    /// Parses the fields. Removes those that this build cannot parse.
    async fn cart(&self, customer: MemberId, fields: Vec<(String, Field)>) -> Cart {
        let mut lines = Vec::with_capacity(fields.len());
        let mut unreadable = Vec::new();
        for (option_id, field) in fields {
            match field.parse(&option_id) {
                Some((line, added_at)) => lines.push((added_at, line, field)),
                None => unreadable.push((option_id, field)),
            }
        }
        if !unreadable.is_empty() {
            tracing::warn!(lines = unreadable.len(), "removing lines that cannot be parsed from a cart");
            let mut invocation = MARK_SEEN.key(key(customer));
            for (option_id, field) in &unreadable {
                invocation.arg(option_id).arg(field).arg("");
            }
            // If this fails, the next read removes them.
            if let Err(error) = self.invoke::<()>(customer, &invocation).await {
                tracing::debug!(%error, "could not remove them");
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
    pipeline.atomic().expire(key, EXPIRY_S).ignore().hgetall(key)
}

fn is_no_cart(error: &RedisError) -> bool {
    // The error of a single command, or one of the errors of a transaction.
    let errors = error.clone().into_server_errors();
    errors.is_some_and(|errors| errors.iter().any(|(_, error)| error.code() == "WRONGTYPE"))
}
