//! How the process is put together.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use database::Database;
use futures::FutureExt;
use idempotency::IdempotencyKeys;
use jobs::{Progress, Queue, QueueWorker};
use member_client::MemberClient;
use service_host::{App, Host, Service};
use store_client::StoreClient;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backlog::show_backlogs;
use crate::batch::Batch;
use crate::cart::Carts;
use crate::checkout::{ConfirmReservation, DropCartLines, DueCheckouts};
use crate::command::{Command, settle};
use crate::outbox::{DueDeliveries, Handler, Outbox};
use crate::payouts::pay_out::PayOut;
use crate::refunds::{PayBack, Restock, give_up_order};
use crate::routes::router;
use crate::settings::Settings;
use crate::settlement::counter_shards::CounterShards;
use crate::settlement::settler::Settler;
use crate::state::{AppState, Rules};
use crate::{batch, checkout, db, settlement};

/// How often the backlogs are shown in the metrics.
const SHOW_BACKLOGS_EVERY: Duration = Duration::from_secs(5);

/// The service.
#[derive(Debug)]
pub struct OrderApi;

impl Service for OrderApi {
    const NAME: &'static str = "order-api";
    const ABOUT: &'static str = "Carts, checkout, orders and what follows a sale.";
    type Settings = Settings;
    type Command = Command;

    async fn start(host: &Host, settings: Settings) -> anyhow::Result<App> {
        let (database, settler) = databases(host, &settings).await?;
        let carts = Carts::connect(&settings.redis).context("the section redis of the settings")?;
        let app = app_state(host, settings, database.clone(), carts.clone(), settler.clone())?;
        let idempotency_keys = IdempotencyKeys::new(database.clone(), host.clock().clone());
        let max_silence = app.rules.worker.max_silence();
        Ok(App::new(router(app.clone(), &idempotency_keys))
            .worker("background", jobs::drain(app.background.clone(), host.shutdown()))
            .watched_worker("checkouts", max_silence, {
                let (app, shutdown) = (app.clone(), host.shutdown());
                move |progress| {
                    run_worker(app.clone(), DueCheckouts::new(app.clone()), progress, shutdown.clone())
                }
            })
            .watched_worker("deliveries", max_silence, {
                let (app, shutdown) = (app.clone(), host.shutdown());
                move |progress| {
                    let queue = DueDeliveries::new(app.outbox.clone(), app.clone());
                    run_worker(app.clone(), queue, progress, shutdown.clone())
                }
            })
            .watched_worker("unfinished-count", max_silence, {
                let (app, shutdown) = (app.clone(), host.shutdown());
                move |progress| keep_showing_backlogs(app.clone(), progress, shutdown.clone())
            })
            .watched_worker("settlement", settlement::MAX_SILENCE, {
                let (settler, shutdown) = (settler.clone(), host.shutdown());
                move |progress| settler.clone().settle_when_due(progress, shutdown.clone())
            })
            .watched_worker("settlement-read-ahead", settlement::MAX_SILENCE, {
                let shutdown = host.shutdown();
                move |progress| settler.clone().keep_reading_ahead(progress, shutdown.clone())
            })
            .watched_worker("idempotency-purge", IdempotencyKeys::MAX_SILENCE, {
                let shutdown = host.shutdown();
                move |progress| idempotency_keys.clone().keep_purging(progress, shutdown.clone())
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

fn app_state(
    host: &Host,
    settings: Settings,
    database: Database,
    carts: Carts,
    settler: Settler,
) -> anyhow::Result<AppState> {
    let service_client = |service| {
        let checkout = settings.checkout.clone();
        let deadline = move || checkout.get().call_timeout();
        Ok::<_, anyhow::Error>(host.service_client(service)?.with_deadline_of(deadline))
    };
    let background = TaskTracker::new();
    let outbox = Outbox::new(
        database.clone(),
        host.clock().clone(),
        settings.worker.lease(),
        background.clone(),
        delivery_handlers(),
    );
    Ok(AppState {
        database,
        clock: host.clock().clone(),
        carts,
        store: StoreClient::new(service_client(store_client::SERVICE)?),
        member: MemberClient::new(service_client(member_client::SERVICE)?),
        outbox,
        counter_shards: CounterShards::default(),
        settler,
        rules: Arc::new(Rules {
            checkout: settings.checkout,
            lines: settings.lines,
            worker: settings.worker,
        }),
        background,
    })
}

/// A handler for each kind of delivery.
pub fn delivery_handlers() -> Vec<Box<dyn Handler<AppState>>> {
    // Checkout finds out that the stock of a confirmed order is gone, and refunds pays the order back.
    let give_up: checkout::GiveUpOrder =
        |app, order_id| give_up_order(app, order_id).map(|result| result.map_err(Into::into)).boxed();
    vec![
        Box::new(ConfirmReservation::new(give_up)),
        Box::new(DropCartLines),
        Box::new(PayBack),
        Box::new(Restock),
        Box::new(PayOut),
    ]
}

/// Runs the worker of a queue until the process shuts down. The worker counts as background work, because it may begin some
/// until it has ended.
pub async fn run_worker<Q: Queue>(app: AppState, queue: Q, progress: Progress, shutdown: CancellationToken) {
    let settings = &app.rules.worker;
    let worker = QueueWorker::new(queue, settings.at_once, progress).run(settings.poll(), shutdown);
    app.background.track_future(worker).await;
}

async fn keep_showing_backlogs(app: AppState, progress: Progress, shutdown: CancellationToken) {
    jobs::repeat(&progress, &shutdown, SHOW_BACKLOGS_EVERY, || show_backlogs(&app)).await;
}

/// How many connections the workers of the settlement have. Each of them uses one at a time.
const SETTLEMENT_CONNECTIONS: u32 = 4;
/// If the lines that were read ahead do not agree with the totals, one statement reads the whole day. That may be millions
/// of lines.
const SETTLEMENT_STATEMENT_LIMIT: Duration = Duration::from_mins(10);

/// Connects to the schemas `orders` and `batch`, and migrates them.
async fn databases(host: &Host, settings: &Settings) -> anyhow::Result<(Database, Settler)> {
    let database = Database::connect(&settings.database).await.context("the schema orders")?;
    database.migrate(&db::MIGRATOR).await?;
    let batch = Database::connect(&settings.batch_database).await.context("the schema batch")?;
    batch.migrate(&batch::db::MIGRATOR).await?;
    let lease = settings.settlement.lease();
    let batch = Batch::new(batch, host.clock().clone(), lease, host.shutdown());
    let settlement_database =
        database.for_long_statements(SETTLEMENT_CONNECTIONS, SETTLEMENT_STATEMENT_LIMIT);
    let settler = Settler::new(settlement_database, batch, host.clock().clone(), settings.settlement.clone());
    Ok((database, settler))
}
