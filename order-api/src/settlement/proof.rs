//! The proof that the totals of a day are equal to its order lines.
//!
//! Both sides are reduced to the control sums of [`super::control_sum`]. For the totals this reads one or two rows for
//! each seller, however much was sold. For the lines it reads two indexes that contain nothing else, one of sales and one
//! of refunds, without grouping, sorting or reading a line. To make this cheap for a big day too, its lines are summed up
//! while the day goes on ([`super::read_ahead`]), so that only the last minutes of the day, and the refunds since, are
//! left to read.
//!
//! A payment or a refund that was committed late, and a line that was changed by hand, may be missing in the sums that
//! were read ahead, although the totals are right. So before the proof fails, it reads the whole day again. A small day
//! is always read as a whole.

use std::time::Instant;

use database::Connection;
use uuid::Uuid;

use super::control_sum::DaySums;
use super::day::BusinessDay;
use super::db::seller_day_totals::Difference;
use super::db::{control_sums, lines, seller_day_totals};
use super::pace::Pace;
use super::resources::Resources;
use crate::db::too_large;

/// How many sellers the error names. They are for the operator to begin with.
const MAX_NAMED_SELLERS: u32 = 10;

/// The totals of a day are not equal to its lines.
#[derive(Debug, thiserror::Error)]
#[error("the totals of {day} are {totals}, and its lines come to {lines}; by seller, totals less lines: {}", listed(.sellers))]
pub(super) struct TotalsDiffer {
    day: BusinessDay,
    totals: DaySums,
    lines: DaySums,
    sellers: Vec<Difference>,
}

/// Proves the totals of a closed day. Returns the number of rows of totals.
pub(super) async fn prove(
    resources: &Resources,
    day: BusinessDay,
) -> sqlx::Result<Result<u64, TotalsDiffer>> {
    // The totals come first. This waits for the transactions that have added to them, and whose lines are committed only
    // then.
    let (total_rows, totals) = sum_up_totals(resources, day).await?;
    let read_anew_lines = resources.settings.read_anew_lines;
    let compare = resources.database.read("settlement_compare", move |connection| {
        Box::pin(async move { compare(connection, day, totals, read_anew_lines).await })
    });
    Ok(compare.await?.map(|()| total_rows))
}

/// Compares the totals with the lines.
async fn compare(
    connection: &mut Connection,
    day: BusinessDay,
    totals: DaySums,
    read_anew_lines: u64,
) -> sqlx::Result<Result<(), TotalsDiffer>> {
    let ahead = control_sums::find(connection, day).await?;
    if let Some(ahead) = ahead.filter(|ahead| ahead.read.lines > read_anew_lines) {
        let rest = lines::sum_up(connection, day, Some(ahead.until), None).await?;
        if ahead.read.checked_add(rest).is_some_and(|lines| lines.sums == totals) {
            return Ok(Ok(()));
        }
        tracing::warn!(%day, "the lines that were read ahead do not agree with the totals; reading all of them");
    }
    let lines = lines::sum_up(connection, day, None, None).await?.sums;
    if lines == totals {
        return Ok(Ok(()));
    }
    let sellers = seller_day_totals::differences(connection, day, MAX_NAMED_SELLERS).await?;
    Ok(Err(TotalsDiffer { day, totals, lines, sellers }))
}

/// Sums up the totals of a day; returns the number of their rows, and the sums. It works in parts, by seller. When a part
/// is read, nothing can be added to it any more, because the day is closed.
async fn sum_up_totals(resources: &Resources, day: BusinessDay) -> sqlx::Result<(u64, DaySums)> {
    let (mut rows, mut sums) = (0, DaySums::default());
    let mut after = Uuid::nil();
    loop {
        let pace = Pace::now(resources).await;
        let (began, limit) = (Instant::now(), pace.limit());
        // A transaction, because it is run again after a deadlock with a transaction that it waits for.
        let part: sqlx::Result<_> = resources
            .database
            .run_tx("settlement_totals", move |connection| {
                Box::pin(async move {
                    let through = match limit {
                        Some(limit) => seller_day_totals::seller_at(connection, day, after, limit).await?,
                        None => None,
                    };
                    let through = through.unwrap_or(Uuid::max());
                    Ok((through, seller_day_totals::sum_up(connection, day, after, through).await?))
                })
            })
            .await;
        let (through, (part_rows, part)) = part?;
        rows += part_rows;
        sums = sums.checked_add(part).ok_or_else(|| too_large("seller_day_totals"))?;
        if through == Uuid::max() {
            return Ok((rows, sums));
        }
        after = through;
        tokio::time::sleep(pace.pause(began.elapsed())).await;
    }
}

fn listed(sellers: &[Difference]) -> String {
    let text = |seller: &Difference| {
        format!("{} gross {}, refunds {}", seller.seller_id, seller.gross, seller.refunds)
    };
    sellers.iter().map(text).collect::<Vec<_>>().join("; ")
}
