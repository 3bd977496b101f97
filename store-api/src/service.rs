//! Starts the service and its workers.

use std::time::Duration;

use database::Database;
use service_host::{App, Host, Service};

use crate::command::{self, Command};
use crate::settings::Settings;
use crate::state::AppState;
use crate::{db, routes, search, stock};

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
        let state = AppState::new(database.clone(), host.clock().clone());
        let pause = Duration::from_millis(settings.reservations.expiry_interval_ms);
        let expiry = stock::expiry_worker(database.clone(), host.clock().clone(), pause);
        let pause = Duration::from_millis(settings.search.index_interval_ms);
        let index = search::index_worker(database.clone(), pause);
        let app = App::new(routes::router(state))
            .worker("reservation-expiry", until_cancelled(host, expiry))
            .worker("search-index", until_cancelled(host, index));
        Ok(app.check("mysql", move || {
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

/// Runs a worker until the service shuts down. The worker may be cancelled at any point: each of its steps is one
/// transaction.
fn until_cancelled<F>(host: &Host, work: F) -> impl Future<Output = ()> + Send + use<F>
where
    F: Future<Output = ()> + Send,
{
    let shutdown = host.shutdown();
    async move {
        let _ = shutdown.run_until_cancelled(work).await;
    }
}
