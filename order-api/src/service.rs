//! How the process is put together.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use database::Database;
use idempotency::Keeper;
use member_client::MemberClient;
use service_host::{Host, Parts, Service};
use store_client::StoreClient;
use tokio_util::task::TaskTracker;

use crate::batch::{Batch, db};
use crate::cart::redis::Carts;
use crate::command::{Command, settle};
use crate::settings::Settings;
use crate::settlement::counter_shards::Lanes;
use crate::settlement::settler::Settler;
use crate::settlement::settler;
use crate::state::{AppState, Rules};
use crate::worker::Work;
use crate::{router, worker};

/// The service.
#[derive(Debug)]
pub struct OrderApi;

impl Service for OrderApi {
    const NAME: &'static str = "order-api";
    const ABOUT: &'static str = "Carts, checkout, orders and what follows a sale.";
    type Settings = Settings;
    type Command = Command;

    async fn start(host: &Host, settings: Settings) -> anyhow::Result<Parts> {
        let (database, settler) = databases(host, &settings).await?;
        let carts = Carts::connect(&settings.redis).context("redis.url is not an address of Redis")?;
        let call_timeout = settings.checkout.call_timeout();
        let peer = |service| Ok::<_, anyhow::Error>(host.peer(service)?.with_deadline(call_timeout));
        let state = AppState {
            database: database.clone(),
            clock: host.clock().clone(),
            carts: carts.clone(),
            store: StoreClient::new(peer(store_client::SERVICE)?),
            member: MemberClient::new(peer(member_client::SERVICE)?),
            lanes: Lanes::default(),
            settler: settler.clone(),
            rules: Arc::new(Rules {
                checkout: settings.checkout,
                lines: settings.lines,
                worker: settings.worker,
            }),
            background: TaskTracker::new(),
        };
        let keeper = Keeper::new(database.clone(), host.clock().clone());
        let silence = state.rules.worker.silence();
        let take_up = |work| {
            let (state, ending) = (state.clone(), host.shutdown());
            move |progress| worker::take_up(state.clone(), work, progress, ending.clone())
        };
        let (purge, shutdown) = (keeper.clone().purge_expired(), host.shutdown());
        Ok(Parts::new(router(state.clone(), &keeper))
            .worker("background", worker::finish_background(state.background.clone(), host.shutdown()))
            .watched_worker("checkouts", silence, take_up(Work::Checkouts))
            .watched_worker("deliveries", silence, take_up(Work::Deliveries))
            .watched_worker("unfinished-count", silence, {
                let (state, ending) = (state.clone(), host.shutdown());
                move |progress| worker::count(state.clone(), progress, ending.clone())
            })
            .watched_worker("settlement", settle::SILENCE, {
                let (settler, ending) = (settler.clone(), host.shutdown());
                move |progress| settler.clone().settle_when_due(progress, ending.clone())
            })
            .watched_worker("settlement-read-ahead", settle::SILENCE, {
                let ending = host.shutdown();
                move |progress| settler.clone().keep_reading_ahead(progress, ending.clone())
            })
            .worker("idempotency-purge", async move {
                // Broken off where it stands: each of its steps is one statement.
                let _ = shutdown.run_until_cancelled(purge).await;
            })
            .check("mysql", move || {
                let database = database.clone();
                async move { database.check().await }
            })
            .optional_check("redis", move || {
                let carts = carts.clone();
                async move { carts.check().await }
            }))
    }
    async fn run(host: &Host, settings: Settings, command: Command) -> anyhow::Result<()> {
        let (_, settler) = databases(host, &settings).await?;
        match command {
            Command::Settle { day } => settle(&settler, day).await,
        }
    }
}

/// The settlement's loops each use one connection at a time.
const SETTLEMENT_CONNECTIONS: u32 = 4;
/// A proof that does not agree with what was read ahead reads the whole day, which may be millions of lines.
const SETTLEMENT_STATEMENT_LIMIT: Duration = Duration::from_mins(10);

/// The schema `orders`, and what settles it by the schema `batch`, both up to date.
async fn databases(host: &Host, settings: &Settings) -> anyhow::Result<(Database, Settler)> {
    let database = Database::connect(&settings.database).await.context("the schema orders")?;
    database.migrate(&db::MIGRATOR).await?;
    let batch = Database::connect(&settings.batch_database).await.context("the schema batch")?;
    batch.migrate(&batch::MIGRATOR).await?;
    let lease = settings.settlement.lease();
    let batch = Batch::new(batch, host.clock().clone(), lease, host.shutdown());
    let own = database.for_long_statements(SETTLEMENT_CONNECTIONS, SETTLEMENT_STATEMENT_LIMIT);
    let settler = Settler::new(own, batch, host.clock().clone(), settings.settlement.clone());
    Ok((database, settler))
}
