//! The proof of a day's totals against its lines.
//!
//! Both sides come to the control sums of [`crate::settlement::control_sum`]: over the totals that is one pass over a row or two
//! for each seller, whatever was sold; over the lines it is one pass over each of two indexes that hold nothing else, of
//! sales and of refunds, without grouping, sorting or looking at a line. So that this too costs a big day next to nothing
//! when it is settled, its lines are summed up as the day goes on ([`super::read_ahead`]), and what is left to read is the
//! last few minutes of the day, and the refunds since.
//!
//! A line that was paid, or accepted to be paid back, late, or changed by hand, after its minute was read would make the
//! proof fail for no reason. So a day that seems wrong is read anew from its first line before it is called so; and a day
//! that is small enough is read anew in any case.

use std::time::Instant;

use database::Connection;
use uuid::Uuid;

use super::control_sum::DaySums;
use super::day::BusinessDay;
use super::db::seller_day_totals::Difference;
use super::db::{control_sums, seller_day_totals};
use super::settler::Settler;

/// How many sellers are named for an operator to begin with.
const NAMED: u32 = 10;

/// The totals of a day are not what its lines come to.
#[derive(Debug, thiserror::Error)]
#[error("the totals of {day} are {totals}, and its lines come to {lines}; by seller, totals less lines: {}", named(.sellers))]
pub(super) struct TotalsDiffer {
    day: BusinessDay,
    totals: DaySums,
    lines: DaySums,
    sellers: Vec<Difference>,
}

/// Proves the totals of a day that is closed. Gives how many rows the totals are.
pub(super) async fn prove(settler: &Settler, day: BusinessDay) -> sqlx::Result<Result<u64, TotalsDiffer>> {
    // Before the lines: what is waited for with the totals is among these only then.
    let (total_rows, totals) = sum_up(settler, day).await?;
    let read_anew_lines = settler.settings.read_anew_lines;
    let compare = settler.database.read("settlement_compare", move |db| {
        Box::pin(async move { compare(db, day, totals, read_anew_lines).await })
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
        let rest = control_sums::of_lines(connection, day, Some(ahead.until), None).await?;
        if ahead.read.checked_add(rest).is_some_and(|lines| lines.sums == totals) {
            return Ok(Ok(()));
        }
        tracing::warn!(%day, "the lines that were read ahead do not agree with the totals; reading all of them");
    }
    let lines = control_sums::of_lines(connection, day, None, None).await?.sums;
    if lines == totals {
        return Ok(Ok(()));
    }
    let sellers = seller_day_totals::differences(connection, day, NAMED).await?;
    Ok(Err(TotalsDiffer { day, totals, lines, sellers }))
}

/// How many rows the totals of a day are, and what they come to. What is behind is done with: whoever adds to it now finds
/// the day closed.
async fn sum_up(settler: &Settler, day: BusinessDay) -> sqlx::Result<(u64, DaySums)> {
    let (mut rows, mut sums) = (0, DaySums::default());
    let mut after = Uuid::nil();
    loop {
        let pace = settler.pace().await;
        let (began, limit) = (Instant::now(), pace.limit());
        // Run again where whoever is waited for waits for this.
        let part: sqlx::Result<_> = settler
            .database
            .run_tx("settlement_totals", move |tx| {
                Box::pin(async move {
                    let through = match limit {
                        Some(limit) => seller_day_totals::seller_at(tx, day, after, limit).await?,
                        None => None,
                    };
                    let through = through.unwrap_or(Uuid::max());
                    Ok((through, seller_day_totals::sums(tx, day, after, through).await?))
                })
            })
            .await;
        let (through, (part_rows, part)) = part?;
        rows += part_rows;
        sums = sums.checked_add(part).ok_or_else(|| db::too_large("seller_day_totals"))?;
        if through == Uuid::max() {
            return Ok((rows, sums));
        }
        after = through;
        tokio::time::sleep(pace.rest(began.elapsed())).await;
    }
}

fn named(sellers: &[Difference]) -> String {
    let name = |seller: &Difference| {
        format!("{} gross {}, refunds {}", seller.seller_id, seller.gross, seller.refunds)
    };
    sellers.iter().map(name).collect::<Vec<_>>().join("; ")
}
