//! Driving a checkout to its end: the steps of [`crate::checkout::state`].
//!
//! A driver holds the checkout's lease, and writes only while it does. It stops where an answer is missing, puts the
//! checkout off, and whoever takes it up next asks again by the same ids.

use std::sync::Arc;
use std::time::Duration;

use database::Connection;
use member_client::{TransferError, TransferKind, TransferReceipt, TransferRequest};
use peer::PeerError;
use store_client::{ReleaseError, ReservationLine, ReserveError, ReserveRequest, Shortage};
use tokio::time::timeout;
use uuid::Uuid;

use super::db as checkouts;
use super::state::{Checkout, State, Step, Undo};
use crate::orders::db::{order_lines, orders};
use crate::orders::line::LineStatus;
use crate::orders::order::{Failure, Order, OrderStatus, Payment};
use crate::outbox::delivery::{Delivery, Kind, pause_after};
use crate::outbox::{db as outbox, deliver};
use crate::settlement::day::BusinessDay;
use crate::settlement::db::seller_day_totals;
use crate::settlement::totals;
use crate::state::AppState;

/// How a checkout ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The order is paid.
    Confirmed(Box<Order>),
    /// The order is not made; nothing was taken, or all of it was given back.
    Failed {
        /// Why.
        failure: Failure,
        /// Which lines asked for too much, where that was it and this driver heard it.
        shortages: Vec<Shortage>,
    },
}

/// Why a driver stops short of the end.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    /// Somebody else drives it now, or has driven it to its end.
    #[error("the checkout's lease was lost")]
    LeaseLost,
    #[error("the stock could not be reserved")]
    Reserve(#[source] ReserveError),
    #[error("the stock could not be released")]
    Release(#[source] ReleaseError),
    #[error("the money could not be taken or given back")]
    Transfer(#[source] TransferError),
    #[error("whether the money was taken could not be settled")]
    Void(#[source] PeerError),
    /// The day of this machine's clock is settled already: midnight has passed, or the clock is behind.
    #[error("the business day of the payment is closed")]
    DayClosed,
    #[error("a step was not done within the lease")]
    OutOfTime,
    #[error("the checkout could not be written")]
    Database(#[from] sqlx::Error),
}

/// Drives a checkout of which this process has the lease. `None` where it did not come to the end: then it was put off,
/// or somebody else has it.
pub(crate) async fn drive(app: &AppState, order: Order, checkout: Checkout) -> Option<End> {
    let mut driver = Driver { app, order, checkout, shortages: Vec::new() };
    loop {
        match driver.step().await {
            Ok(None) => {}
            Ok(Some(end)) => return Some(end),
            Err(stopped) => {
                driver.put_off(&stopped).await;
                return None;
            }
        }
    }
}

struct Driver<'app> {
    app: &'app AppState,
    order: Order,
    checkout: Checkout,
    shortages: Vec<Shortage>,
}

impl Driver<'_> {
    /// Does the next step, within the lease: after that the checkout may be somebody else's.
    async fn step(&mut self) -> Result<Option<End>, Stopped> {
        self.keep_lease().await?;
        let lease_left = self.checkout.lease_until - self.app.clock.now();
        let lease_left = Duration::try_from(lease_left).unwrap_or_default();
        timeout(lease_left, self.next_step()).await.map_err(|_| Stopped::OutOfTime)?
    }

    async fn next_step(&mut self) -> Result<Option<End>, Stopped> {
        match self.checkout.next_step(self.app.clock.now()) {
            Step::Reserve => self.reserve().await.map(|()| None),
            Step::Pay => self.pay().await,
            Step::TurnBack(failure) => self.turn_back(failure).await.map(|()| None),
            Step::Undo(undo) => self.undo(undo).await.map(Some),
        }
    }

    async fn reserve(&mut self) -> Result<(), Stopped> {
        let request = ReserveRequest {
            expires_at: self.checkout.reserved_until,
            lines: reservation_lines(&self.order),
        };
        match self.app.store.reserve(self.order.id, &request).await {
            Ok(_) => {
                self.checkout.state = State::Paying;
                Ok(())
            }
            Err(ReserveError::OutOfStock(shortages)) => {
                self.shortages = shortages;
                self.turn_back(Failure::OutOfStock).await
            }
            Err(ReserveError::Expired) => self.turn_back(Failure::ReservationExpired).await,
            Err(error @ (ReserveError::Mismatch | ReserveError::Unknown(_))) => Err(Stopped::Reserve(error)),
        }
    }

    async fn pay(&mut self) -> Result<Option<End>, Stopped> {
        match self.transfer(self.order.id, TransferKind::OrderPayment).await {
            Ok(receipt) => self.confirm(receipt.member_name).await.map(Some),
            // A customer who has closed their account has no money either.
            Err(TransferError::InsufficientBalance | TransferError::NoWallet) => {
                self.turn_back(Failure::InsufficientBalance).await.map(|()| None)
            }
            Err(error @ (TransferError::Mismatch | TransferError::Peer(_))) => Err(Stopped::Transfer(error)),
        }
    }

    /// The point of no return, in one transaction.
    async fn confirm(&mut self, customer_name: String) -> Result<End, Stopped> {
        let now = self.app.clock.now();
        let payment = Payment { at: now, day: BusinessDay::of(now) };
        let lease_until = self.app.lease_until();
        let owed = [Kind::ConfirmReservation, Kind::DropCartLines]
            .map(|kind| Delivery { kind, subject_id: self.order.id });
        let checkout = self.checkout.clone();
        let sale = totals::of_sale(&self.order.lines, payment.day);
        // Left when the transaction is over, which this future may not live to see.
        let sale = Arc::new(self.app.lanes.enter(sale));
        self.app
            .database
            .run_tx("checkout_confirm", move |tx| {
                let (checkout, customer_name) = (checkout.clone(), customer_name.clone());
                let sale = Arc::clone(&sale);
                Box::pin(async move {
                    finish(tx, &checkout).await?;
                    orders::confirm(tx, checkout.order_id, &customer_name).await?;
                    seller_day_totals::add(tx, sale.additions()).await?;
                    if !order_lines::confirm(tx, checkout.order_id, payment).await? {
                        return Err(Stopped::DayClosed);
                    }
                    Ok(outbox::insert(tx, &owed, now, lease_until).await?)
                })
            })
            .await?;
        self.order.status = OrderStatus::Confirmed;
        for line in &mut self.order.lines {
            line.status = LineStatus::Ordered;
            line.paid = Some(payment);
        }
        ended("CONFIRMED");
        deliver::after_confirmation(self.app, &self.order).await;
        Ok(End::Confirmed(Box::new(self.order.clone())))
    }

    /// Decides, durably, that the order will fail.
    async fn turn_back(&mut self, failure: Failure) -> Result<(), Stopped> {
        let transfer_id = self.checkout.may_be_paid().then(|| self.app.clock.new_id());
        self.checkout.state = State::Undoing(Undo { failure, transfer_id });
        metrics::counter!("checkouts_turned_back_total", "failure" => failure.as_str()).increment(1);
        self.save().await
    }

    /// Gives back whatever was taken, and sees to it that nothing can be taken any more: the replies of requests that are
    /// still under way, ours or another driver's, will be refusals.
    async fn undo(&mut self, undo: Undo) -> Result<End, Stopped> {
        if let Some(transfer_id) = undo.transfer_id {
            let paid = self.app.member.void_transfer(self.order.id).await.map_err(Stopped::Void)?;
            if paid.is_some() {
                self.transfer(transfer_id, TransferKind::Refund).await.map_err(Stopped::Transfer)?;
            }
        }
        self.app.store.release(self.order.id).await.map_err(Stopped::Release)?;

        let checkout = self.checkout.clone();
        self.app
            .database
            .run_tx("checkout_fail", move |tx| {
                let checkout = checkout.clone();
                Box::pin(async move {
                    finish(tx, &checkout).await?;
                    orders::fail(tx, checkout.order_id, undo.failure).await?;
                    order_lines::fail(tx, checkout.order_id).await?;
                    Ok::<_, Stopped>(())
                })
            })
            .await?;
        ended(undo.failure.as_str());
        Ok(End::Failed { failure: undo.failure, shortages: std::mem::take(&mut self.shortages) })
    }

    /// Moves the order's money.
    async fn transfer(&self, id: Uuid, kind: TransferKind) -> Result<TransferReceipt, TransferError> {
        let request =
            TransferRequest { id, kind, amount: self.order.total, reference: self.order.id.to_string() };
        self.app.member.transfer(self.order.customer_id, &request).await
    }

    /// Puts the lease's end off where half of it is over.
    async fn keep_lease(&mut self) -> Result<(), Stopped> {
        if self.app.clock.now() + self.app.rules.worker.lease() / 2 < self.checkout.lease_until {
            return Ok(());
        }
        self.checkout.lease_until = self.app.lease_until();
        self.save().await
    }

    /// Leaves the checkout to whoever takes it up after a pause.
    async fn put_off(&mut self, stopped: &Stopped) {
        if matches!(stopped, Stopped::LeaseLost) {
            return;
        }
        let (order_id, state, attempt) = (self.order.id, self.checkout.state.as_str(), self.checkout.attempt);
        tracing::warn!(%order_id, state, attempt, error = telemetry::chain(stopped), "put a checkout off");
        metrics::counter!("checkouts_put_off_total", "state" => state).increment(1);
        self.checkout.lease_until = self.app.clock.now() + pause_after(attempt);
        if let Err(error) = self.save().await {
            // Then its lease runs out.
            tracing::debug!(%order_id, %error, "could not say so");
        }
    }

    async fn save(&self) -> Result<(), Stopped> {
        let checkout = self.checkout.clone();
        let save = self.app.database.run_autocommit("checkout_save", move |db| {
            Box::pin(async move { checkouts::update(db, &checkout).await })
        });
        let saved = save.await?;
        if saved { Ok(()) } else { Err(Stopped::LeaseLost) }
    }
}

/// Removes a checkout at its end, as the first statement of the end's transaction: without the lease there is no end.
async fn finish(tx: &mut Connection, checkout: &Checkout) -> Result<(), Stopped> {
    if checkouts::finish(tx, checkout).await? { Ok(()) } else { Err(Stopped::LeaseLost) }
}

fn ended(outcome: &'static str) {
    metrics::counter!("checkouts_ended_total", "outcome" => outcome).increment(1);
}

/// What an order asks of the stock.
pub(crate) fn reservation_lines(order: &Order) -> Vec<ReservationLine> {
    let line = |line: &crate::orders::order::OrderLine| ReservationLine {
        option_id: line.option_id,
        quantity: line.quantity.get().into(),
    };
    order.lines.iter().map(line).collect()
}
