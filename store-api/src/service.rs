//! Starts the service and its workers.

use std::time::Duration;

use database::Database;
use idempotency::IdempotencyKeys;
use service_host::{App, Host, Service};

use crate::command::{self, Command};
use crate::settings::Settings;
use crate::state::AppState;
use crate::{db, items, routes, search, stock};

/// How long a worker may report nothing before it is restarted. It is longer than the longest pause of a worker, which is a minute,
/// and a transaction.
const MAX_SILENCE: Duration = Duration::from_secs(3 * 60);

/// The service.
#[derive(Debug)]
pub struct StoreApi;

impl Service for StoreApi {
    const NAME: &'static str = store_client::SERVICE;
    const ABOUT: &'static str = "Stores, items, options, stock and its reservations, and search.";
    type Settings = Settings;
    type Command = Command;

    async fn start(host: &Host, settings: Settings) -> anyhow::Result<App> {
        let database = connect(&settings).await?;
        search::renew(&database).await?;
        let state = AppState::new(database.clone(), host.clock().clone());
        let Settings { reservations, search: index, .. } = settings;
        let idempotency_keys = IdempotencyKeys::new(database.clone(), host.clock().clone());
        Ok(App::new(routes::router(state, &idempotency_keys))
            .watched_worker("reservation-expiry", MAX_SILENCE, {
                let (database, clock, shutdown) = (database.clone(), host.clock().clone(), host.shutdown());
                move |progress| {
                    let (database, clock, reservations) =
                        (database.clone(), clock.clone(), reservations.clone());
                    let pause = move || reservations.get().expiry_interval();
                    stock::expiry_worker(database, clock, pause, progress, shutdown.clone())
                }
            })
            .watched_worker("search-index", MAX_SILENCE, {
                let (database, shutdown) = (database.clone(), host.shutdown());
                move |progress| {
                    let index = index.clone();
                    let pause = move || index.get().index_interval();
                    search::index_worker(database.clone(), pause, progress, shutdown.clone())
                }
            })
            .watched_worker("item-figures", MAX_SILENCE, {
                let (database, shutdown) = (database.clone(), host.shutdown());
                move |progress| items::figures_worker(database.clone(), progress, shutdown.clone())
            })
            .watched_worker("idempotency-purge", IdempotencyKeys::MAX_SILENCE, {
                let shutdown = host.shutdown();
                move |progress| idempotency_keys.clone().keep_purging(progress, shutdown.clone())
            })
            .check("mysql", move || {
                let database = database.clone();
                async move { database.check().await }
            }))
    }

    async fn run(_: &Host, settings: Settings, command: Command) -> anyhow::Result<()> {
        let database = connect(&settings).await?;
        match command {
            Command::Seed { plan } => command::seed(&database, plan.into()).await,
            Command::RebuildIndex => command::rebuild_index(&database).await,
        }
    }
}

async fn connect(settings: &Settings) -> anyhow::Result<Database> {
    let database = Database::connect(&settings.database).await?;
    database.migrate(&db::MIGRATOR).await?;
    Ok(database)
}
