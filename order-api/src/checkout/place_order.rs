//! Placing an order: from chosen lines of a cart to an order that is paid, or one that has failed.
//!
//! The order's id is the id of the request's operation, so a request that is repeated after it was interrupted finds the
//! order that it had placed. What follows the first transaction is [`crate::checkout::saga`]; it runs in a task of its
//! own, and the request waits for it for a while.

use std::time::Duration;

use access::MemberId;
use idempotency::Operation;
use money::Won;
use peer::PeerError;
use store_client::Shortage;
use tokio::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

use super::db as checkouts;
use super::saga::{End, drive};
use super::state::{Checkout, State};
use crate::cart::comparison::Message;
use crate::cart::line::{CartLine, OptionNow};
use crate::cart::redis::{Cart, CartsDown};
use crate::cart::view::compare_lines;
use crate::orders::db::orders;
use crate::orders::line::LineStatus;
use crate::orders::order::{Failure, Order, OrderLine, OrderStatus};
use crate::state::AppState;

/// How long to wait before looking again what has become of an order that somebody else drives.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Why no order was placed.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// None of the chosen options is in the cart.
    #[error("the cart holds none of the chosen options")]
    NothingChosen,
    /// A chosen line is not what the customer last saw. Nothing was taken.
    #[error("a chosen line has changed")]
    Changed(Vec<Message>),
    /// The order was placed and has failed. Nothing was taken, or all of it was given back.
    #[error("the order has failed: {}", .failure.as_str())]
    Failed {
        /// Which order.
        order_id: Uuid,
        /// Why.
        failure: Failure,
        /// Which lines asked for too much, where that was it and it is known.
        shortages: Vec<Shortage>,
    },
    /// The prices add up to more than there are numbers.
    #[error("the order's total does not fit into 64 bits")]
    TooExpensive,
    /// Redis is out of reach.
    #[error(transparent)]
    Carts(#[from] CartsDown),
    /// store-api gave no answer; nothing was asked of it but to look.
    #[error("what the store sells is not known")]
    Store(#[from] PeerError),
    /// The database failed. The order may be there: ask again by the same key.
    #[error("the order could not be written or read")]
    Database(#[from] sqlx::Error),
}

/// Places the order of an operation, of the `chosen` options in a customer's cart or of all that is in it. Gives the order
/// CONFIRMED, or PENDING where it takes longer than a request waits.
pub async fn place_order(
    app: &AppState,
    customer: MemberId,
    operation: Operation,
    chosen: Option<&[Uuid]>,
) -> Result<Order, CheckoutError> {
    let order_id = operation.id;
    let placed = if operation.begun_before {
        let find =
            app.database.read("order_find", move |db| Box::pin(orders::find_of(db, customer, order_id)));
        find.await?
    } else {
        None
    };
    let (order, leased) = match placed {
        Some(order) => (order, None),
        None => place(app, customer, order_id, chosen).await?,
    };
    match end_of(app, order.clone(), leased).await? {
        Some(End::Confirmed(order)) => Ok(*order),
        Some(End::Failed { failure, shortages }) => {
            Err(CheckoutError::Failed { order_id, failure, shortages })
        }
        None => Ok(order),
    }
}

/// Places a new order, with the first lease of its checkout.
async fn place(
    app: &AppState,
    customer: MemberId,
    order_id: Uuid,
    chosen: Option<&[Uuid]>,
) -> Result<(Order, Option<Checkout>), CheckoutError> {
    let cart = app.carts.read(customer).await?;
    let lines = unchanged(app, choose(&cart, chosen)?).await?;
    let order = order_of(app, customer, order_id, lines)?;
    match begin(app, order.clone()).await {
        Ok(checkout) => Ok((order, Some(checkout))),
        // Another try of the same request, that was taken for dead, was quicker.
        Err(error) if database::duplicate_key(&error).is_some() => Ok((find(app, order_id).await?, None)),
        Err(error) => Err(error.into()),
    }
}

fn choose(cart: &Cart, chosen: Option<&[Uuid]>) -> Result<Vec<CartLine>, CheckoutError> {
    let is_chosen = |line: &&CartLine| chosen.is_none_or(|chosen| chosen.contains(&line.option_id));
    let lines: Vec<CartLine> = cart.lines().filter(is_chosen).cloned().collect();
    if lines.is_empty() { Err(CheckoutError::NothingChosen) } else { Ok(lines) }
}

/// The lines with their options, where they are what the customer last saw.
async fn unchanged(
    app: &AppState,
    lines: Vec<CartLine>,
) -> Result<Vec<(CartLine, OptionNow)>, CheckoutError> {
    let mut unchanged = Vec::with_capacity(lines.len());
    let mut messages = Vec::new();
    for compared in compare_lines(app, lines).await? {
        messages.extend(compared.messages);
        unchanged.extend(compared.now);
    }
    if messages.is_empty() { Ok(unchanged) } else { Err(CheckoutError::Changed(messages)) }
}

fn order_of(
    app: &AppState,
    customer_id: MemberId,
    id: Uuid,
    lines: Vec<(CartLine, OptionNow)>,
) -> Result<Order, CheckoutError> {
    let lines: Option<Vec<OrderLine>> = lines
        .into_iter()
        .map(|(line, option)| {
            Some(OrderLine {
                id: app.clock.new_id(),
                option_id: line.option_id,
                option_name: option.option_name,
                item_id: option.item_id,
                item_name: option.item_name,
                store_id: option.store_id,
                store_name: option.store_name,
                seller_id: option.seller_id,
                price: option.price,
                quantity: line.quantity,
                total: option.price.checked_mul(line.quantity.get().into())?,
                wish: line.wish,
                status: LineStatus::Pending,
                paid: None,
                refund: None,
                refund_reason: None,
            })
        })
        .collect();
    let lines = lines.ok_or(CheckoutError::TooExpensive)?;
    let total = Won::checked_sum(lines.iter().map(|line| line.total)).ok_or(CheckoutError::TooExpensive)?;
    Ok(Order { id, customer_id, status: OrderStatus::Pending, total, created_at: app.clock.now(), lines })
}

/// Makes the order durable, before anything is asked of anybody.
async fn begin(app: &AppState, order: Order) -> sqlx::Result<Checkout> {
    let checkout = Checkout {
        order_id: order.id,
        state: State::Reserving,
        reserved_until: order.created_at + app.rules.checkout.reservation(),
        attempt: 1,
        lease_until: app.lease_until(),
    };
    let begun = checkout.clone();
    app.database
        .run_tx("checkout_begin", move |tx| {
            let (order, checkout) = (order.clone(), checkout.clone());
            Box::pin(async move {
                orders::insert(tx, &order).await?;
                checkouts::insert(tx, &checkout, order.created_at).await
            })
        })
        .await?;
    metrics::counter!("checkouts_begun_total").increment(1);
    Ok(begun)
}

/// Sees an order to its end, in a task that goes on when nobody waits any more; `None` where it takes too long.
async fn end_of(app: &AppState, order: Order, leased: Option<Checkout>) -> sqlx::Result<Option<End>> {
    let patience = app.rules.checkout.answer_within();
    let deadline = Instant::now() + patience;
    let task = follow(app.clone(), order, leased, deadline).in_current_span();
    match tokio::time::timeout_at(deadline, app.background.spawn(task)).await {
        Ok(Ok(end)) => end,
        Ok(Err(stopped)) => match stopped.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Ok(None),
        },
        Err(_) => Ok(None),
    }
}

/// Drives a checkout while there is time, and whenever nobody else does; what is left then is the worker's.
async fn follow(
    app: AppState,
    order: Order,
    mut leased: Option<Checkout>,
    deadline: Instant,
) -> sqlx::Result<Option<End>> {
    loop {
        if let Some(checkout) = leased.take()
            && let Some(end) = drive(&app, order.clone(), checkout).await
        {
            return Ok(Some(end));
        }
        let now = find(&app, order.id).await?;
        match now.status {
            OrderStatus::Confirmed => return Ok(Some(End::Confirmed(Box::new(now)))),
            OrderStatus::Failed(failure) => return Ok(Some(End::Failed { failure, shortages: Vec::new() })),
            OrderStatus::Pending if Instant::now() + LOOK_AGAIN >= deadline => return Ok(None),
            OrderStatus::Pending => {}
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        leased = claim(&app, order.id).await?;
    }
}

async fn find(app: &AppState, order_id: Uuid) -> sqlx::Result<Order> {
    let found = app.database.read("order_find", move |db| Box::pin(orders::find(db, order_id))).await?;
    found.ok_or(sqlx::Error::RowNotFound)
}

async fn claim(app: &AppState, order_id: Uuid) -> sqlx::Result<Option<Checkout>> {
    let (now, lease_until) = (app.clock.now(), app.lease_until());
    app.database
        .run_tx("checkout_claim", move |tx| {
            Box::pin(async move { checkouts::claim(tx, order_id, now, lease_until).await })
        })
        .await
}
