//! The floors of the job, straight on the database.

use std::time::{Duration, Instant};

use sqlx::MySqlPool;

use super::lines::execute;
use crate::process::Process;

/// How long something took, and the processor time of the database for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    pub(super) took: Duration,
    pub(super) database: Duration,
}

/// The plain insert: both sums over the lines of the day, each from a covering index.
const GROUPED: &str = "INSERT INTO floor_settlements (business_day, seller_id, gross, refunds, status) \
     SELECT ?, seller_id, SUM(gross), SUM(refunds), 'PENDING' FROM ( \
        SELECT seller_id, SUM(line_total) AS gross, 0 AS refunds FROM order_lines \
            WHERE business_day = ? GROUP BY seller_id \
        UNION ALL \
        SELECT seller_id, 0, SUM(line_total) FROM order_lines WHERE refund_day = ? GROUP BY seller_id \
     ) AS sums GROUP BY seller_id";

/// The insert from ready-made totals.
const COPIED: &str = "INSERT INTO floor_settlements (business_day, seller_id, gross, refunds, status) \
     SELECT business_day, seller_id, gross, refunds, 'PENDING' FROM ready_totals WHERE business_day = ?";

/// Creates the tables of the floors. They write into a table like that of the job.
pub(super) async fn prepare(rows: &MySqlPool, day: &str) -> sqlx::Result<()> {
    for statement in [
        "DROP TABLE IF EXISTS floor_settlements, ready_totals",
        "CREATE TABLE floor_settlements LIKE settlements",
        "CREATE TABLE ready_totals (business_day DATE NOT NULL, seller_id BINARY(16) NOT NULL, gross BIGINT NOT NULL, \
            refunds BIGINT NOT NULL, PRIMARY KEY (business_day, seller_id))",
    ] {
        execute(rows, statement).await?;
    }
    sqlx::query(
        "INSERT INTO ready_totals SELECT business_day, seller_id, SUM(gross), SUM(refunds) FROM seller_day_totals \
         WHERE business_day = ? GROUP BY business_day, seller_id",
    )
    .bind(day)
    .execute(rows)
    .await?;
    Ok(())
}

/// Runs the plain insert over the lines.
pub(super) async fn grouped(rows: &MySqlPool, database: Process, day: &str) -> anyhow::Result<Cost> {
    measured(rows, database, sqlx::query(GROUPED).bind(day).bind(day).bind(day)).await
}

/// Runs the insert from ready-made totals.
pub(super) async fn copied(rows: &MySqlPool, database: Process, day: &str) -> anyhow::Result<Cost> {
    measured(rows, database, sqlx::query(COPIED).bind(day)).await
}

async fn measured(
    rows: &MySqlPool,
    database: Process,
    statement: sqlx::query::Query<'_, sqlx::MySql, sqlx::mysql::MySqlArguments>,
) -> anyhow::Result<Cost> {
    execute(rows, "TRUNCATE TABLE floor_settlements").await?;
    let (before, began) = (database.processor_time()?, Instant::now());
    statement.execute(rows).await?;
    let took = began.elapsed();
    Ok(Cost { took, database: database.processor_time_since(before)? })
}
