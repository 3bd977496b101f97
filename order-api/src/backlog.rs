//! The metrics of unfinished checkouts and deliveries.

use jobs::BacklogGauges;
use strum::VariantNames;

use crate::checkout::state::State;
use crate::outbox::Kind;
use crate::state::AppState;
use crate::{checkout, outbox};

const CHECKOUTS: BacklogGauges = BacklogGauges {
    jobs: "checkouts_unfinished",
    oldest_seconds: "checkouts_unfinished_oldest_seconds",
    label: "state",
};

const DELIVERIES: BacklogGauges =
    BacklogGauges { jobs: "outbox_pending", oldest_seconds: "outbox_pending_oldest_seconds", label: "kind" };

/// Shows how many checkouts and deliveries are unfinished, and how old the oldest of them is.
pub async fn show_backlogs(app: &AppState) -> sqlx::Result<()> {
    let read = app.database.read("unfinished_count", |connection| {
        Box::pin(async move {
            Ok::<_, sqlx::Error>((
                checkout::db::backlogs(connection).await?,
                outbox::db::backlogs(connection).await?,
            ))
        })
    });
    let (checkouts, deliveries) = read.await?;
    let now = app.clock.now();
    CHECKOUTS.show(State::VARIANTS.iter().copied(), &checkouts, now);
    DELIVERIES.show(app.outbox.kinds().into_iter().map(Kind::as_str), &deliveries, now);
    Ok(())
}
