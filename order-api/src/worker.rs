//! Taking up unfinished work, in every instance: checkouts and deliveries whose lease has run out, because their process
//! died or because they were put off.

use std::time::Duration;

use futures::future::join_all;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::db;
use crate::deliver::deliver;
use crate::domain::checkout::{Checkout, State};
use crate::domain::delivery::Kind;
use crate::drive_checkout::drive;
use crate::state::AppState;

/// How often the unfinished work is counted for the metrics.
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// Takes up work until the process ends, and then waits for what is under way.
pub async fn run(app: AppState, ending: CancellationToken) {
    let every = app.rules.worker.poll();
    tokio::join!(
        repeat(&ending, every, "take up checkouts", || take_up_checkouts(&app)),
        repeat(&ending, every, "take up deliveries", || take_up_deliveries(&app)),
        repeat(&ending, COUNT_EVERY, "count unfinished work", || count_unfinished(&app)),
    );
    app.background.close();
    app.background.wait().await;
}

/// Repeats `work`: at once where it says that there is more, else after a pause.
async fn repeat<F: Future<Output = sqlx::Result<bool>>>(
    ending: &CancellationToken,
    pause: Duration,
    name: &'static str,
    work: impl Fn() -> F,
) {
    while !ending.is_cancelled() {
        match work().await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "could not {name}"),
        }
        tokio::select! {
            () = ending.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Drives checkouts that nobody drives. True where there may be more of them.
pub async fn take_up_checkouts(app: &AppState) -> sqlx::Result<bool> {
    let (now, lease_until, at_once) = (app.clock.now(), app.lease_until(), app.rules.worker.at_once);
    let claimed: Vec<Checkout> = app
        .database
        .run_tx("checkouts_claim_due", move |tx| {
            Box::pin(async move { db::checkouts::claim_due(tx, now, lease_until, at_once).await })
        })
        .await?;
    let is_full = claimed.len() >= at_once as usize;
    join_all(claimed.into_iter().map(|checkout| take_up(app, checkout))).await;
    Ok(is_full)
}

async fn take_up(app: &AppState, checkout: Checkout) {
    let order_id = checkout.order_id;
    let order = async { db::orders::find(&mut *app.database.acquire().await?, order_id).await }.await;
    match order {
        Ok(Some(order)) => {
            tracing::info!(%order_id, state = checkout.state.as_str(), attempt = checkout.attempt, "took up a checkout");
            drive(app, order, checkout).await;
        }
        // A foreign key keeps an order for every checkout.
        Ok(None) => tracing::error!(%order_id, "a checkout has no order"),
        // Its lease runs out.
        Err(error) => tracing::warn!(%order_id, %error, "could not read a checkout's order"),
    }
}

/// Makes deliveries that nobody makes. True where there may be more of them.
pub async fn take_up_deliveries(app: &AppState) -> sqlx::Result<bool> {
    let (now, lease_until, at_once) = (app.clock.now(), app.lease_until(), app.rules.worker.at_once);
    let claimed = app
        .database
        .run_tx("outbox_claim_due", move |tx| {
            Box::pin(async move { db::outbox::claim_due(tx, now, lease_until, at_once).await })
        })
        .await?;
    let is_full = claimed.len() >= at_once as usize;
    deliver(app, claimed).await;
    Ok(is_full)
}

/// Shows how much is unfinished, and how old the oldest of it is.
pub async fn count_unfinished(app: &AppState) -> sqlx::Result<bool> {
    let (checkouts, deliveries) = {
        let mut connection = app.database.acquire().await?;
        (db::checkouts::census(&mut connection).await?, db::outbox::census(&mut connection).await?)
    };
    let now = app.clock.now();
    let age = |oldest: OffsetDateTime| (now - oldest).as_seconds_f64().max(0.0);
    for state in State::NAMES {
        let found = checkouts.iter().find(|census| census.state == state);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a gauge is a float, and nobody counts to 2^53 checkouts"
        )]
        metrics::gauge!("checkouts_unfinished", "state" => state)
            .set(found.map_or(0, |census| census.checkouts) as f64);
        metrics::gauge!("checkouts_unfinished_oldest_seconds", "state" => state)
            .set(found.map_or(0.0, |census| age(census.oldest)));
    }
    for kind in Kind::ALL.map(Kind::as_str) {
        let found = deliveries.iter().find(|census| census.kind == kind);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a gauge is a float, and nobody counts to 2^53 deliveries"
        )]
        metrics::gauge!("outbox_owed", "kind" => kind)
            .set(found.map_or(0, |census| census.deliveries) as f64);
        metrics::gauge!("outbox_owed_oldest_seconds", "kind" => kind)
            .set(found.map_or(0.0, |census| age(census.oldest)));
    }
    Ok(false)
}
