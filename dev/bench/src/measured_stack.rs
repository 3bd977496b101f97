//! The stack that is measured: release binaries, on servers that wait for their disks.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use sqlx::MySqlPool;
use sqlx::mysql::MySqlPoolOptions;
use stack::{
    Database, Home, Interrupt, Options, Override, ServerOptions, Servers, Silent, Stack, StackError,
};
use tokio::task::spawn_blocking;

/// The gateway's policies. A benchmark sends more from one address than any client may. It is counted nevertheless.
pub(crate) const POLICIES: [&str; 4] = ["sign-up", "sign-in", "charging", "searching"];
/// How many requests each policy allows in a second.
pub(crate) const REQUESTS_A_SECOND: u32 = 1_000_000;

/// Starts a stack with settings that differ from `config/`.
pub(crate) async fn start(binaries: PathBuf, mut overrides: Vec<Override>) -> anyhow::Result<Arc<Stack>> {
    for policy in POLICIES {
        overrides.push(Override::new(
            "gateway",
            &format!("limits.policies.{policy}.requests"),
            REQUESTS_A_SECOND,
        ));
        overrides.push(Override::new("gateway", &format!("limits.policies.{policy}.window-s"), 1));
    }
    let stack = spawn_blocking(move || {
        let options = ServerOptions {
            home: Home::measured(stack::checkout()),
            database: Database::MariaDb,
            interrupt: Interrupt::default(),
            progress: Arc::new(Silent),
        };
        let servers = Servers::start(options)?;
        Stack::start(servers, Options { binaries, overrides, ..Options::default() })
    });
    let stack = stack.await?.context("the stack does not start")?;
    Ok(Arc::new(stack))
}

/// A pool that does no work of its own when a connection is acquired, so that only the database is measured.
pub(crate) async fn database(stack: &Stack, schema: &str, connections: u32) -> anyhow::Result<MySqlPool> {
    let url = stack.servers().database_url(schema)?;
    let pool = MySqlPoolOptions::new()
        .min_connections(connections)
        .max_connections(connections)
        .test_before_acquire(false)
        .connect(&url);
    pool.await.context("connecting to the database")
}

/// Runs work with the stack that blocks.
pub(crate) async fn blocking<T: Send + 'static>(
    stack: &Arc<Stack>,
    work: impl FnOnce(&Stack) -> Result<T, StackError> + Send + 'static,
) -> anyhow::Result<T> {
    let stack = Arc::clone(stack);
    Ok(spawn_blocking(move || work(&stack)).await??)
}
