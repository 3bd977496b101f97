//! A stack to measure: release binaries, on servers that wait for their disks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use sqlx::MySqlPool;
use sqlx::mysql::MySqlPoolOptions;
use stack::{Database, Home, Interrupt, Options, Override, ServerOptions, Servers, Silent, Stack};
use tokio::task::spawn_blocking;

/// Starts a stack with settings that differ from `config/`.
pub(crate) async fn start(binaries: PathBuf, overrides: Vec<Override>) -> anyhow::Result<Arc<Stack>> {
    let stack = spawn_blocking(move || {
        let options = ServerOptions {
            home: Home::measured(checkout()),
            database: Database::MariaDb,
            interrupt: Interrupt::default(),
            progress: Arc::new(Silent),
        };
        let servers = Servers::start(options)?;
        Stack::start(servers, Options { binaries, overrides })
    });
    let stack = stack.await?.context("the stack does not start")?;
    Ok(Arc::new(stack))
}

/// A pool that does nothing but lend connections, so that what is measured through it is the database.
pub(crate) async fn database(stack: &Stack, schema: &str, connections: u32) -> anyhow::Result<MySqlPool> {
    let url = stack.servers().database_url(schema)?;
    let pool = MySqlPoolOptions::new()
        .min_connections(connections)
        .max_connections(connections)
        .test_before_acquire(false)
        .connect(&url);
    pool.await.context("connecting to the database")
}

/// The folder with the workspace's Cargo.toml.
pub(crate) fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in a folder of the workspace")
}
