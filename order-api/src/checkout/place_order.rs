//! Placing an order: from chosen lines of a cart to a confirmed or failed order.
//!
//! The order's id is the id of the request's operation. So a request that is repeated after an interruption finds the order
//! that it has placed. After the order is stored, the saga ([`super::saga`]) runs in a task of its own, and the request
//! waits for it for some time.

use std::time::Duration;

use access::MemberId;
use idempotency::{Operation, TakenOver};
use jobs::Lease;
use money::Won;
use service_client::CallError;
use store_client::Shortage;
use tokio::time::Instant;
use uuid::Uuid;

use super::choose_lines::{Choice, ChooseError, choose_lines};
use super::saga::Outcome;
use super::state::{Checkout, State};
use super::{db, deliveries, saga};
use crate::cart::comparison::{Change, ComparedLine, Message, message};
use crate::cart::line::{CartLine, OptionNow};
use crate::cart::{Cart, CartsDown};
use crate::orders::db::{order_lines, orders};
use crate::orders::line::LineStatus;
use crate::orders::order::{Failure, Order, OrderLine, OrderStatus};
use crate::state::AppState;

/// How often to look for the outcome of an order while another process works on it.
const POLL: Duration = Duration::from_millis(100);
/// How often an order is stored again if another order of the same lines has failed meanwhile.
const STORE_ATTEMPTS: u32 = 3;

/// Why an order was not placed, or has failed.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// The cart has nothing that can be ordered.
    #[error("the cart has nothing that can be ordered")]
    NothingChosen,
    /// A chosen line is not as the customer last saw it, is not in the cart, or is in another order. Nothing was taken.
    #[error("a chosen line has changed")]
    Changed(Vec<Message>),
    /// The order was placed and has failed. Nothing was taken, or it was given back.
    #[error("the order has failed: {}", .failure.as_str())]
    Failed {
        /// The order.
        order_id: Uuid,
        /// Why.
        failure: Failure,
        /// The lines without enough stock, if that is the reason and they are known.
        shortages: Vec<Shortage>,
    },
    /// The sum of the lines does not fit into 64 bits.
    #[error("the order's total does not fit into 64 bits")]
    TooExpensive,
    /// The request stood still, and a repetition has taken it over. Nothing was taken.
    #[error(transparent)]
    TakenOver(#[from] TakenOver),
    /// The account of the customer is closed or being closed.
    #[error("the account of the customer is closed or being closed")]
    AccountClosed,
    /// Redis does not answer.
    #[error(transparent)]
    Carts(#[from] CartsDown),
    /// store-api does not answer. No stock was reserved.
    #[error("the options could not be read from store-api")]
    Store(#[from] CallError),
    /// The database failed. The order may exist; the client can repeat the request with the same key.
    #[error("the order could not be written or read")]
    Database(#[from] sqlx::Error),
}

/// Places the order of an operation: what a customer has chosen of the cart. Returns the order, CONFIRMED, or PENDING if it
/// takes longer than a request waits.
pub async fn place_order(
    app: &AppState,
    customer: MemberId,
    operation: Operation,
    choice: Choice<'_>,
) -> Result<Order, CheckoutError> {
    let order_id = operation.id;
    let placed = if operation.begun_before {
        let find = app
            .database
            .read("order_find", move |connection| Box::pin(orders::find_of(connection, customer, order_id)));
        find.await?
    } else {
        None
    };
    let (order, claimed) = match placed {
        Some(order) => (order, None),
        None => place(app, customer, &operation, choice).await?,
    };
    match wait_for_outcome(app, order.clone(), claimed).await? {
        Some(Outcome::Confirmed(order)) => Ok(*order),
        Some(Outcome::Failed { failure, shortages }) => {
            Err(CheckoutError::Failed { order_id, failure, shortages })
        }
        None => Ok(order),
    }
}

/// Places a new order. Returns it with its checkout, of which this process has the first lease.
async fn place(
    app: &AppState,
    customer: MemberId,
    operation: &Operation,
    choice: Choice<'_>,
) -> Result<(Order, Option<Checkout>), CheckoutError> {
    let cart = app.carts.read(customer).await?;
    let chosen = choose_lines(app, &cart, choice).await?;
    let order = new_order(app, customer, operation.id, chosen.lines.clone())?;
    for _ in 0..STORE_ATTEMPTS {
        let error = match store(app, operation, order.clone()).await {
            Ok(checkout) => {
                acknowledge(app, customer, &cart, &chosen.acknowledged).await;
                return Ok((order, Some(checkout)));
            }
            Err(CheckoutError::Database(error)) => error,
            Err(error) => return Err(error),
        };
        match database::duplicate_key(&error) {
            Some(order_lines::HELD_VERSION_KEY) => {
                let messages = in_other_orders(app, customer, &chosen.lines).await?;
                if !messages.is_empty() {
                    return Err(CheckoutError::Changed(messages));
                }
            }
            // An earlier attempt of the same request was thought to be dead, and has placed the order.
            Some(_) => return Ok((find(app, operation.id).await?, None)),
            None => return Err(error.into()),
        }
    }
    Err(CheckoutError::Changed(Vec::new()))
}

/// Stores that the customer has acknowledged the messages of the cart with this order.
async fn acknowledge(app: &AppState, customer: MemberId, cart: &Cart, acknowledged: &[ComparedLine]) {
    if acknowledged.is_empty() {
        return;
    }
    if let Err(error) = app.carts.acknowledge(customer, cart, acknowledged, None).await {
        // The order is placed. The messages of the lines that stay in the cart are shown again.
        tracing::warn!(%error, "could not store that the messages of a cart were acknowledged");
    }
}

/// A message for each line that is in another order by now. If that order is paid, its line has left the cart, or should have:
/// Redis may have lost this. So the line is removed once more, because its customer could never order it.
async fn in_other_orders(
    app: &AppState,
    customer: MemberId,
    lines: &[(CartLine, OptionNow)],
) -> Result<Vec<Message>, CheckoutError> {
    let versions: Vec<Uuid> = lines.iter().map(|(line, _)| line.line_version).collect();
    let holding = app.database.read("order_lines_holding", move |connection| {
        Box::pin(async move { order_lines::holding(connection, &versions).await })
    });
    let holding = holding.await?;
    let paid = holding.iter().filter(|(_, line)| line.paid.is_some());
    let removed =
        app.carts.remove_ordered(customer, paid.map(|(_, line)| deliveries::ordered_pieces(line))).await;
    if let Err(error) = removed {
        tracing::warn!(%error, "could not remove lines that were ordered before from a cart");
    }
    let messages = holding.into_iter().filter_map(|(order_id, held)| {
        let (line, _) = lines.iter().find(|(line, _)| line.line_version == held.line_version)?;
        Some(message(line, Change::InAnotherOrder { order_id }))
    });
    Ok(messages.collect())
}

fn new_order(
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
                line_version: line.line_version,
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

impl From<ChooseError> for CheckoutError {
    fn from(error: ChooseError) -> Self {
        match error {
            ChooseError::NothingChosen => Self::NothingChosen,
            ChooseError::Changed(messages) => Self::Changed(messages),
            ChooseError::Store(error) => Self::Store(error),
        }
    }
}

/// Stores the order and its checkout, before the first request to another service.
async fn store(app: &AppState, operation: &Operation, order: Order) -> Result<Checkout, CheckoutError> {
    let checkout = Checkout {
        order_id: order.id,
        state: State::Reserving,
        reserved_until: order.created_at + app.rules.checkout.get().reservation(),
        lease: Lease::first(app.clock.now(), app.rules.worker.lease()),
    };
    let (stored, operation) = (checkout.clone(), operation.clone());
    app.database
        .run_tx("checkout_begin", move |connection| {
            let (operation, order, checkout) = (operation.clone(), order.clone(), checkout.clone());
            Box::pin(async move {
                operation.hold(connection).await??;
                orders::insert(connection, &order).await?;
                if db::insert(connection, &checkout, order.customer_id, order.created_at).await? {
                    Ok(())
                } else {
                    Err(CheckoutError::AccountClosed)
                }
            })
        })
        .await?;
    metrics::counter!("checkouts_begun_total").increment(1);
    Ok(stored)
}

/// Runs the checkout of an order in a task that goes on if nobody waits any more. Returns `None` if it takes too long.
async fn wait_for_outcome(
    app: &AppState,
    order: Order,
    claimed: Option<Checkout>,
) -> sqlx::Result<Option<Outcome>> {
    let deadline = Instant::now() + app.rules.checkout.get().answer_within();
    let run = run_until(app.clone(), order, claimed, deadline);
    jobs::try_now(&app.background, deadline, run).await.unwrap_or(Ok(None))
}

/// Runs a checkout until the deadline, whenever this process can claim it. After the deadline the worker goes on with it.
async fn run_until(
    app: AppState,
    order: Order,
    mut claimed: Option<Checkout>,
    deadline: Instant,
) -> sqlx::Result<Option<Outcome>> {
    loop {
        if let Some(checkout) = claimed.take()
            && let Some(outcome) = saga::run(&app, order.clone(), checkout).await
        {
            return Ok(Some(outcome));
        }
        let now = find(&app, order.id).await?;
        match now.status {
            OrderStatus::Confirmed => return Ok(Some(Outcome::Confirmed(Box::new(now)))),
            OrderStatus::Failed(failure) => {
                return Ok(Some(Outcome::Failed { failure, shortages: Vec::new() }));
            }
            OrderStatus::Pending if Instant::now() + POLL >= deadline => return Ok(None),
            OrderStatus::Pending => {}
        }
        tokio::time::sleep(POLL).await;
        claimed = claim(&app, order.id).await?;
    }
}

async fn find(app: &AppState, order_id: Uuid) -> sqlx::Result<Order> {
    let found = app
        .database
        .read("order_find", move |connection| Box::pin(orders::find(connection, order_id)))
        .await?;
    found.ok_or(sqlx::Error::RowNotFound)
}

async fn claim(app: &AppState, order_id: Uuid) -> sqlx::Result<Option<Checkout>> {
    let (now, lease_until) = (app.clock.now(), app.lease_until());
    app.database
        .run_tx("checkout_claim", move |connection| {
            Box::pin(async move { db::claim(connection, order_id, now, lease_until).await })
        })
        .await
}
