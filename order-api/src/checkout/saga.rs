//! Doing the steps of a checkout ([`super::state`]).
//!
//! A process works on a checkout only while it holds the lease. If a step gets no answer, it reschedules the checkout, and
//! the process that claims it next repeats the step with the same ids.

use std::sync::Arc;

use database::Connection;
use jobs::Backoff;
use member_client::{TransferError, TransferKind, TransferReceipt, TransferRequest};
use service_client::CallError;
use store_client::{ReleaseError, ReserveError, ReserveRequest, Shortage};
use tokio::time::timeout;
use uuid::Uuid;

use super::state::{Checkout, Compensation, State, Step};
use super::{db, deliveries};
use crate::orders::additions;
use crate::orders::db::{order_lines, orders};
use crate::orders::line::LineStatus;
use crate::orders::order::{Failure, Order, OrderStatus, Payment};
use crate::outbox;
use crate::settlement::day::BusinessDay;
use crate::settlement::db::seller_day_totals;
use crate::state::AppState;

/// How a checkout ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The order is paid.
    Confirmed(Box<Order>),
    /// The order has failed. Nothing was taken, or it was given back.
    Failed {
        /// Why.
        failure: Failure,
        /// The lines without enough stock, if that is the reason and this process has the answer of store-api.
        shortages: Vec<Shortage>,
    },
}

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
enum StepError {
    /// Another process works on the checkout, or has ended it.
    #[error("the lease of the checkout was lost")]
    LeaseLost,
    #[error("the stock could not be reserved")]
    Reserve(#[source] ReserveError),
    #[error("the stock could not be released")]
    Release(#[source] ReleaseError),
    #[error("the money could not be taken or given back")]
    Transfer(#[source] TransferError),
    #[error("the payment could not be voided")]
    Void(#[source] CallError),
    /// Midnight has passed and the day is closed, or the clock of this machine is behind.
    #[error("the business day of the payment is closed")]
    DayClosed,
    #[error("the step did not end within the lease")]
    OutOfTime,
    #[error("the checkout could not be written")]
    Database(#[from] sqlx::Error),
}

/// Does the steps of a checkout of which this process has the lease. Returns `None` if the checkout has not ended: then it
/// is rescheduled, or another process has the lease.
pub(super) async fn run(app: &AppState, order: Order, checkout: Checkout) -> Option<Outcome> {
    let mut saga = Saga { app, order, checkout, shortages: Vec::new() };
    loop {
        match saga.step().await {
            Ok(None) => {}
            Ok(Some(outcome)) => return Some(outcome),
            Err(error) => {
                saga.reschedule(&error).await;
                return None;
            }
        }
    }
}

struct Saga<'app> {
    app: &'app AppState,
    order: Order,
    checkout: Checkout,
    shortages: Vec<Shortage>,
}

impl Saga<'_> {
    /// Does the next step, within the lease: after that another process may have claimed the checkout.
    async fn step(&mut self) -> Result<Option<Outcome>, StepError> {
        self.renew_lease().await?;
        let time_left = self.checkout.lease.time_left(self.app.clock.now());
        timeout(time_left, self.next_step()).await.map_err(|_| StepError::OutOfTime)?
    }

    async fn next_step(&mut self) -> Result<Option<Outcome>, StepError> {
        match self.checkout.next_step(self.app.clock.now()) {
            Step::Reserve => self.reserve().await.map(|()| None),
            Step::Pay => self.pay().await,
            Step::StartCompensation(failure) => self.start_compensation(failure).await.map(|()| None),
            Step::Compensate(compensation) => self.compensate(compensation).await.map(Some),
        }
    }

    async fn reserve(&mut self) -> Result<(), StepError> {
        let request = ReserveRequest {
            expires_at: self.checkout.reserved_until,
            lines: deliveries::reservation_lines(&self.order),
        };
        match self.app.store.reserve(self.order.id, &request).await {
            Ok(_) => {
                self.checkout.state = State::Paying;
                Ok(())
            }
            Err(ReserveError::OutOfStock(shortages)) => {
                self.shortages = shortages;
                self.start_compensation(Failure::OutOfStock).await
            }
            Err(ReserveError::Expired) => self.start_compensation(Failure::ReservationExpired).await,
            Err(error @ (ReserveError::Mismatch | ReserveError::Unknown(_))) => {
                Err(StepError::Reserve(error))
            }
        }
    }

    async fn pay(&mut self) -> Result<Option<Outcome>, StepError> {
        match self.transfer(self.order.id, TransferKind::OrderPayment).await {
            Ok(receipt) => self.confirm(receipt.member_name).await.map(Some),
            // A closed account has no wallet, and so no money.
            Err(TransferError::InsufficientBalance | TransferError::NoWallet) => {
                self.start_compensation(Failure::InsufficientBalance).await.map(|()| None)
            }
            Err(error @ (TransferError::Mismatch | TransferError::Call(_))) => {
                Err(StepError::Transfer(error))
            }
        }
    }

    /// Confirms the order in one transaction. After it there is no way back.
    async fn confirm(&mut self, customer_name: String) -> Result<Outcome, StepError> {
        let now = self.app.clock.now();
        let payment = Payment { at: now, day: BusinessDay::of(now) };
        let lease_until = self.app.lease_until();
        let deliveries = deliveries::of_order(self.order.id);
        let checkout = self.checkout.clone();
        let additions = additions::of_sale(&self.order.lines, payment.day);
        // Shared with the transaction, which may end later than this future. Only then are the shards released.
        let additions = Arc::new(self.app.counter_shards.assign(additions));
        self.app
            .database
            .run_tx("checkout_confirm", move |connection| {
                let (checkout, customer_name) = (checkout.clone(), customer_name.clone());
                let additions = Arc::clone(&additions);
                Box::pin(async move {
                    delete(connection, &checkout).await?;
                    orders::confirm(connection, checkout.order_id, &customer_name).await?;
                    seller_day_totals::add(connection, additions.additions()).await?;
                    if !order_lines::confirm(connection, checkout.order_id, payment).await? {
                        return Err(StepError::DayClosed);
                    }
                    Ok(outbox::db::insert(connection, &deliveries, now, lease_until).await?)
                })
            })
            .await?;
        self.order.status = OrderStatus::Confirmed;
        for line in &mut self.order.lines {
            line.status = LineStatus::Ordered;
            line.paid = Some(payment);
        }
        count_ended("CONFIRMED");
        deliveries::deliver_now(self.app, &self.order).await;
        Ok(Outcome::Confirmed(Box::new(self.order.clone())))
    }

    /// Stores that the order will fail.
    async fn start_compensation(&mut self, failure: Failure) -> Result<(), StepError> {
        let transfer_id = self.checkout.may_be_paid().then(|| self.app.clock.new_id());
        self.checkout.state = State::Compensating(Compensation { failure, transfer_id });
        metrics::counter!("checkouts_compensated_total", "failure" => failure.as_str()).increment(1);
        self.save().await
    }

    /// Undoes what was done. The payment is voided before the stock is released. After that, requests for the payment or
    /// the reservation that are still on their way, of this process or of another one, are refused.
    async fn compensate(&mut self, compensation: Compensation) -> Result<Outcome, StepError> {
        if let Some(transfer_id) = compensation.transfer_id {
            let paid = self.app.member.void_transfer(self.order.id).await.map_err(StepError::Void)?;
            if paid.is_some() {
                self.transfer(transfer_id, TransferKind::Refund).await.map_err(StepError::Transfer)?;
            }
        }
        self.app.store.release(self.order.id).await.map_err(StepError::Release)?;

        let checkout = self.checkout.clone();
        self.app
            .database
            .run_tx("checkout_fail", move |connection| {
                let checkout = checkout.clone();
                Box::pin(async move {
                    delete(connection, &checkout).await?;
                    orders::fail(connection, checkout.order_id, compensation.failure).await?;
                    order_lines::fail(connection, checkout.order_id).await?;
                    Ok::<_, StepError>(())
                })
            })
            .await?;
        count_ended(compensation.failure.as_str());
        let shortages = std::mem::take(&mut self.shortages);
        Ok(Outcome::Failed { failure: compensation.failure, shortages })
    }

    /// Moves the money of the order.
    async fn transfer(&self, id: Uuid, kind: TransferKind) -> Result<TransferReceipt, TransferError> {
        let request =
            TransferRequest { id, kind, amount: self.order.total, reference: self.order.id.to_string() };
        self.app.member.transfer(self.order.customer_id, &request).await
    }

    /// Renews the lease if half of it is over.
    async fn renew_lease(&mut self) -> Result<(), StepError> {
        let (now, length) = (self.app.clock.now(), self.app.rules.worker.lease());
        if !self.checkout.lease.is_half_over(now, length) {
            return Ok(());
        }
        self.checkout.lease.until = now + length;
        self.save().await
    }

    /// Leaves the checkout to the process that claims it after a pause.
    async fn reschedule(&mut self, error: &StepError) {
        if matches!(error, StepError::LeaseLost) {
            return;
        }
        let (order_id, state, attempt) =
            (self.order.id, self.checkout.state.as_str(), self.checkout.lease.attempt);
        let error = telemetry::chain(error);
        tracing::warn!(%order_id, state, attempt, error, "a step of a checkout failed; it is tried again");
        metrics::counter!("checkouts_rescheduled_total", "state" => state).increment(1);
        self.checkout.lease.until = self.app.clock.now() + Backoff::FOR_CALLS.after(attempt);
        if let Err(error) = self.save().await {
            // The lease expires, and the checkout is claimed again.
            tracing::debug!(%order_id, %error, "could not reschedule a checkout");
        }
    }

    async fn save(&self) -> Result<(), StepError> {
        let checkout = self.checkout.clone();
        let save = self.app.database.run_autocommit("checkout_save", move |connection| {
            Box::pin(async move { db::update(connection, &checkout).await })
        });
        let is_saved = save.await?;
        if is_saved { Ok(()) } else { Err(StepError::LeaseLost) }
    }
}

/// Deletes a checkout that has ended. It is the first statement of the transaction, which fails if the lease was lost.
async fn delete(connection: &mut Connection, checkout: &Checkout) -> Result<(), StepError> {
    if db::delete(connection, checkout).await? { Ok(()) } else { Err(StepError::LeaseLost) }
}

fn count_ended(outcome: &'static str) {
    metrics::counter!("checkouts_ended_total", "outcome" => outcome).increment(1);
}
