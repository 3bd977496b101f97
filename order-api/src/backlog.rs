//! What the metrics say of unfinished work.

use time::OffsetDateTime;

use crate::checkout::db as checkouts;
use crate::checkout::state::State;
use crate::outbox::db as outbox;
use crate::outbox::delivery::Kind;
use crate::state::AppState;

/// Shows how much is unfinished, and how old the oldest of it is.
pub async fn count_unfinished(app: &AppState) -> sqlx::Result<()> {
    let count = app.database.read("unfinished_count", |db| {
        Box::pin(async move {
            Ok::<_, sqlx::Error>((checkouts::census(db).await?, outbox::census(db).await?))
        })
    });
    let (checkouts, deliveries) = count.await?;
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
    Ok(())
}
