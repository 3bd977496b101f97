//! How the process is put together.

use std::sync::Arc;

use anyhow::Context;
use database::Database;
use idempotency::Keeper;
use member_client::MemberClient;
use service_host::{Host, NoCommand, Parts, Service};
use store_client::StoreClient;
use tokio_util::task::TaskTracker;

use crate::cart::Carts;
use crate::db::MIGRATOR;
use crate::settings::Settings;
use crate::state::{AppState, Rules};
use crate::{router, worker};

/// The service.
#[derive(Debug)]
pub struct OrderApi;

impl Service for OrderApi {
    const NAME: &'static str = "order-api";
    const ABOUT: &'static str = "Carts, checkout, orders and what follows a sale.";
    type Settings = Settings;
    type Command = NoCommand;

    async fn start(host: &Host, settings: Settings) -> anyhow::Result<Parts> {
        let database = Database::connect(&settings.database).await?;
        database.migrate(&MIGRATOR).await?;
        let carts = Carts::connect(&settings.redis).context("redis.url is not an address of Redis")?;
        let call_timeout = settings.checkout.call_timeout();
        let peer = |service| Ok::<_, anyhow::Error>(host.peer(service)?.with_deadline(call_timeout));
        let state = AppState {
            database: database.clone(),
            clock: host.clock().clone(),
            carts: carts.clone(),
            store: StoreClient::new(peer(store_client::SERVICE)?),
            member: MemberClient::new(peer(member_client::SERVICE)?),
            rules: Arc::new(Rules {
                checkout: settings.checkout,
                lines: settings.lines,
                worker: settings.worker,
            }),
            background: TaskTracker::new(),
        };
        let keeper = Keeper::new(database.clone(), host.clock().clone());
        let (purge, shutdown) = (keeper.clone().purge_expired(), host.shutdown());
        Ok(Parts::new(router(state.clone(), &keeper))
            .worker("unfinished-work", worker::run(state, host.shutdown()))
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
}
