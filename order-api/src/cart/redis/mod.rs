//! The carts in Redis. Only this folder knows Redis commands.
//!
//! Each customer has one hash, `cart:{customer id}` (the braces keep it on one node of a Redis Cluster), with a field for
//! each option; [`record`] has its format. Every change is one script or one transaction. So it is atomic, takes one round
//! trip, and returns the cart as it is after the change. A read changes nothing. Each read and each change restarts the expiry.
//!
//! A repeated addition would take effect twice. So a request with an Idempotency-Key also stores its operation, under the key
//! `cart-operation:{customer id}:operation id`. The script that makes the change writes it, so that Redis has both or none.

mod record;

use std::io;
use std::sync::LazyLock;
use std::time::Duration;

use access::MemberId;
use redis::{Cmd, FromRedisValue, Pipeline, RedisError, RedisResult, Script, ScriptInvocation};
use redis_connection::{AddressError, RedisConnection, Timeouts};
use time::OffsetDateTime;
use uuid::Uuid;

use super::comparison::ComparedLine;
use super::line::{CartLine, MAX_LINES, Seen};
use crate::quantity::Quantity;
use crate::settings::RedisSettings;
use record::Field;

/// How long a cart is kept after it was last read or changed, in seconds.
const EXPIRY_S: i64 = 30 * 24 * 60 * 60;
/// How long an operation is stored after it was done, in seconds. It is longer than an Idempotency-Key is kept.
const NOTE_EXPIRY_S: i64 = 25 * 60 * 60;

static PUT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("put.lua")));
static ACKNOWLEDGE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("acknowledge.lua")));
static REMOVE_ORDERED: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("remove_ordered.lua")));

/// All carts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Carts {
    redis: RedisConnection,
    /// How long a caller waits for an answer.
    timeout: Duration,
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

/// Pieces that were ordered.
#[derive(Clone, Copy, Debug)]
pub struct OrderedPieces {
    /// The option.
    pub option_id: Uuid,
    /// The version of the line that was ordered.
    pub line_version: Uuid,
    /// How many pieces.
    pub quantity: Quantity,
    /// The new version of the pieces that were added meanwhile and stay. It is the same each time. So if an older state of Redis is
    /// restored, these pieces can't be ordered again under another version.
    pub rest_version: Uuid,
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

    /// The lines of these fields. Fields that this build cannot parse are not in the cart; another build may need them.
    fn of(fields: Vec<(String, Field)>) -> Self {
        let mut lines: Vec<(OffsetDateTime, CartLine, Field)> = fields
            .into_iter()
            .filter_map(|(option_id, field)| {
                let (line, added_at) = field.parse(&option_id)?;
                Some((added_at, line, field))
            })
            .collect();
        lines.sort_by_key(|(added_at, line, _)| (*added_at, line.option_id));
        Self { lines: lines.into_iter().map(|(_, line, field)| (line, field)).collect() }
    }
}

impl Carts {
    /// Connects at the first use, and again when the connection is lost. So a process starts without Redis, and does
    /// everything that needs no cart.
    pub fn connect(settings: &RedisSettings) -> Result<Self, AddressError> {
        let timeout = settings.timeout();
        let redis = settings.server().connection(Timeouts::within(timeout))?;
        redis.refuse_wrong_accounts();
        Ok(Self { redis, timeout })
    }

    /// Whether Redis answers.
    pub async fn check(&self) -> Result<(), CartsDown> {
        self.ask(&redis::cmd("PING")).await
    }

    /// The cart of a customer; empty if there is none.
    pub async fn read(&self, customer: MemberId) -> Result<Cart, CartsDown> {
        let mut pipeline = redis::pipe();
        match self.query(touch_and_read(&mut pipeline, &key(customer))).await {
            Err(CartsDown(error)) if is_no_cart(&error) => Ok(Cart::default()),
            result => result,
        }
    }

    /// Adds pieces of an option; nothing if this `operation` has added them before.
    pub async fn add(
        &self,
        customer: MemberId,
        line: &NewLine,
        operation: Option<Uuid>,
    ) -> Result<Cart, PutError> {
        self.put("ADD", customer, line, operation).await
    }

    /// Sets the number of pieces of an option.
    pub async fn set(&self, customer: MemberId, line: &NewLine) -> Result<Cart, PutError> {
        self.put("SET", customer, line, None).await
    }

    async fn put(
        &self,
        mode: &str,
        customer: MemberId,
        line: &NewLine,
        operation: Option<Uuid>,
    ) -> Result<Cart, PutError> {
        let mut invocation = PUT.key(key(customer));
        add_note(&mut invocation, customer, operation);
        invocation
            .arg(mode)
            .arg(line.option_id.to_string())
            .arg(line.quantity.get())
            .arg(line.line_version.simple().to_string())
            .arg(record::seen_json(&line.seen, line.added_at))
            .arg(MAX_LINES)
            .arg(Quantity::MAX)
            .arg(EXPIRY_S)
            .arg(NOTE_EXPIRY_S);
        let (refused, fields): (Option<String>, Vec<(String, Field)>) =
            self.invoke(customer, &invocation).await?;
        match refused.as_deref() {
            None => Ok(Cart::of(fields)),
            Some("LINES") => Err(PutError::TooManyLines),
            Some(_) => Err(PutError::TooManyPieces),
        }
    }

    /// Removes an option, if it is in the cart.
    pub async fn remove(&self, customer: MemberId, option_id: Uuid) -> Result<Cart, CartsDown> {
        let key = key(customer);
        let mut pipeline = redis::pipe();
        pipeline.hdel(&key, option_id.to_string()).ignore();
        match self.query(touch_and_read(&mut pipeline, &key)).await {
            Err(CartsDown(error)) if is_no_cart(&error) => {
                self.clear(customer).await?;
                Ok(Cart::default())
            }
            result => result,
        }
    }

    /// Removes all lines.
    pub async fn clear(&self, customer: MemberId) -> Result<(), CartsDown> {
        self.ask(&Cmd::del(key(customer))).await
    }

    /// Stores that the customer has acknowledged the changes of these lines. A line that was changed since it was read stays
    /// as it is; its messages are still shown.
    pub async fn acknowledge(
        &self,
        customer: MemberId,
        cart: &Cart,
        lines: &[ComparedLine],
        operation: Option<Uuid>,
    ) -> Result<Cart, CartsDown> {
        let mut invocation = ACKNOWLEDGE.key(key(customer));
        add_note(&mut invocation, customer, operation);
        invocation.arg(EXPIRY_S).arg(NOTE_EXPIRY_S);
        for compared in lines.iter().filter(|compared| compared.has_changed()) {
            let Some((_, before)) = cart.lines.iter().find(|(line, _)| *line == compared.line) else {
                continue;
            };
            let after = compared.acknowledged().map(|line| before.rewritten(&line));
            invocation.arg(compared.line.option_id.to_string()).arg(before).arg(after.unwrap_or_default());
        }
        Ok(Cart::of(self.invoke(customer, &invocation).await?))
    }

    /// Whether a change of this operation was made.
    pub async fn was_done(&self, customer: MemberId, operation: Uuid) -> Result<bool, CartsDown> {
        self.ask(&Cmd::exists(note(customer, operation))).await
    }

    /// Removes what was ordered. Pieces that were added meanwhile stay, with another version. A line with another version stays
    /// as it is. So a repeated call changes nothing.
    pub async fn remove_ordered(
        &self,
        customer: MemberId,
        ordered: impl IntoIterator<Item = OrderedPieces>,
    ) -> Result<(), CartsDown> {
        let mut invocation = REMOVE_ORDERED.key(key(customer));
        for pieces in ordered {
            invocation
                .arg(pieces.option_id.to_string())
                .arg(pieces.line_version.simple().to_string())
                .arg(pieces.quantity.get())
                .arg(pieces.rest_version.simple().to_string());
        }
        self.invoke(customer, &invocation).await
    }

    /// Runs a script. If the key has a value of another type, which an older build has written, replaces it.
    async fn invoke<T: FromRedisValue>(
        &self,
        customer: MemberId,
        invocation: &ScriptInvocation<'_>,
    ) -> Result<T, CartsDown> {
        match self.in_time(invocation.invoke_async(&mut self.redis.clone())).await {
            Err(CartsDown(error)) if is_no_cart(&error) => {
                self.clear(customer).await?;
                self.in_time(invocation.invoke_async(&mut self.redis.clone())).await
            }
            result => result,
        }
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, CartsDown> {
        self.in_time(command.query_async(&mut self.redis.clone())).await
    }

    async fn query(&self, pipeline: &Pipeline) -> Result<Cart, CartsDown> {
        let mut connection = self.redis.clone();
        let (fields,): (Vec<(String, Field)>,) = self.in_time(pipeline.query_async(&mut connection)).await?;
        Ok(Cart::of(fields))
    }

    /// Waits for an answer, and for the connection, but not longer than a caller waits.
    async fn in_time<T>(&self, answer: impl Future<Output = RedisResult<T>>) -> Result<T, CartsDown> {
        let too_late = |_| Err(io::Error::from(io::ErrorKind::TimedOut).into());
        Ok(tokio::time::timeout(self.timeout, answer).await.unwrap_or_else(too_late)?)
    }
}

fn key(customer: MemberId) -> String {
    format!("cart:{{{customer}}}")
}

fn note(customer: MemberId, operation: Uuid) -> String {
    format!("cart-operation:{{{customer}}}:{}", operation.simple())
}

fn add_note(invocation: &mut ScriptInvocation<'_>, customer: MemberId, operation: Option<Uuid>) {
    if let Some(operation) = operation {
        invocation.key(note(customer, operation));
    }
}

fn touch_and_read<'pipeline>(pipeline: &'pipeline mut Pipeline, key: &str) -> &'pipeline Pipeline {
    pipeline.atomic().expire(key, EXPIRY_S).ignore().hgetall(key)
}

fn is_no_cart(error: &RedisError) -> bool {
    // The error of a single command, or one of the errors of a transaction.
    let errors = error.clone().into_server_errors();
    errors.is_some_and(|errors| errors.iter().any(|(_, error)| error.code() == "WRONGTYPE"))
}
