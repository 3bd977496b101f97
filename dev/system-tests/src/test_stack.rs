//! The stack that the tests of one binary use.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use stack::{Home, Interrupt, Options, Override, ServerOptions, Servers, Silent, Stack};
use testkit::{FaultProxy, until};
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::spawn_blocking;

use crate::Client;

/// The folder of the five binaries. `cargo xtask test` sets it.
const BINARIES: &str = "DALKOM_BINARIES";
/// The database server to test on. `cargo xtask test --database` sets it.
const DATABASE: &str = "DALKOM_DATABASE";
/// How long it may take until the gateway uses a part that was started again.
const PATIENCE: Duration = Duration::from_secs(20);
/// The services with a database, each with its schema.
const SCHEMAS: [(&str, &str); 3] =
    [("member-api", "member"), ("store-api", "store"), ("order-api", "orders")];

/// The stack of this test binary. The first test starts it; it ends with the process.
pub fn shared() -> Arc<Stack> {
    static SHARED: OnceLock<Arc<Stack>> = OnceLock::new();
    SHARED.get_or_init(|| Arc::new(start(|_| Vec::new()))).clone()
}

/// Waits until no other test of this binary uses its stack. For tests that break parts of it.
pub async fn exclusive() -> MutexGuard<'static, ()> {
    static EXCLUSIVE: Mutex<()> = Mutex::const_new(());
    EXCLUSIVE.lock().await
}

/// Starts a stack whose settings depend on the addresses of its servers.
///
/// # Panics
/// If it does not start.
pub fn start(overrides: impl FnOnce(&Servers) -> Vec<Override>) -> Stack {
    start_in(Home::throwaway(stack::checkout()), &[], overrides)
}

/// As [`start`], with several instances of some services.
///
/// # Panics
/// If it does not start.
pub fn start_many(counts: &[(&str, u16)], overrides: Vec<Override>) -> Stack {
    start_in(Home::throwaway(stack::checkout()), counts, |_| overrides)
}

/// As [`start`], on servers that wait for the disk, and so lose nothing when they are killed.
///
/// # Panics
/// If it does not start.
pub fn start_durable(overrides: impl FnOnce(&Servers) -> Vec<Override>) -> Stack {
    start_in(Home::measured(stack::checkout()), &[], overrides)
}

fn start_in(home: Home, counts: &[(&str, u16)], overrides: impl FnOnce(&Servers) -> Vec<Override>) -> Stack {
    let binaries = binaries();
    let instances = counts.iter().map(|(app, count)| ((*app).to_owned(), *count)).collect();
    let database = std::env::var(DATABASE).map(|name| name.parse().expect("the name of a database server"));
    let options = ServerOptions {
        home,
        database: database.unwrap_or_default(),
        interrupt: Interrupt::default(),
        progress: Arc::new(Silent),
    };
    let started = Servers::start(options).and_then(|servers| {
        let mut overrides = overrides(&servers);
        // A test sends more from one address than any client may.
        overrides.push(Override::new("gateway", "limits.enabled", false));
        Stack::start(servers, Options { binaries, overrides, instances })
    });
    match started {
        Ok(stack) => stack,
        Err(error) => {
            let log = error.log().map(|log| log.lines.join("\n")).unwrap_or_default();
            panic!("the stack does not start: {error}\n{log}")
        }
    }
}

/// Puts a proxy between a service and its database, and gives the settings that the service needs for it.
///
/// # Panics
/// If the service has no database.
pub fn database_proxy(service: &'static str, servers: &Servers) -> (FaultProxy, Vec<Override>) {
    let (_, schema) = SCHEMAS.iter().find(|(name, _)| *name == service).expect("a service with a database");
    let proxy = FaultProxy::to(&format!("127.0.0.1:{}", servers.database_port()));
    let url = format!("mysql://127.0.0.1:{}/{schema}", proxy.port());
    let overrides = vec![
        Override::new(service, "database.url", url),
        // The proxy counts what a client sends at once. In an encrypted connection that is not a request.
        Override::new(service, "database.tls", "disabled"),
    ];
    (proxy, overrides)
}

/// As [`database_proxy`], for every service with a database.
pub fn database_proxies(servers: &Servers) -> (Vec<(&'static str, FaultProxy)>, Vec<Override>) {
    let (mut proxies, mut all_overrides) = (Vec::new(), Vec::new());
    for (service, _) in SCHEMAS {
        let (proxy, overrides) = database_proxy(service, servers);
        proxies.push((service, proxy));
        all_overrides.extend(overrides);
    }
    (proxies, all_overrides)
}

/// A client of the gateway.
pub fn gateway(stack: &Stack) -> Client {
    Client::at(&stack.gateway_url())
}

/// Runs work with a stack that blocks, in a thread for such work.
///
/// # Panics
/// If the work panics.
pub async fn blocking<T: Send + 'static>(
    stack: &Arc<Stack>,
    work: impl FnOnce(&Stack) -> T + Send + 'static,
) -> T {
    let stack = Arc::clone(stack);
    spawn_blocking(move || work(&stack)).await.expect("the work does not panic")
}

/// Starts a part that was killed or stopped.
///
/// # Panics
/// If it does not start.
pub async fn start_again(stack: &Arc<Stack>, part: &str) {
    let part = part.to_owned();
    blocking(stack, move |stack| stack.start_again(&part)).await.expect("a part starts as it did before");
}

/// Starts the parts that an earlier test has left stopped, and waits until the gateway uses them.
///
/// # Panics
/// If a part does not start, or is not used in time.
pub async fn start_stopped_parts(stack: &Arc<Stack>) {
    for part in stack.parts().into_iter().filter(|part| part.pid.is_none()) {
        start_again(stack, &part.name).await;
    }
    for path in ["/.well-known/jwks.json", "/api/store/items"] {
        wait_until_served(&gateway(stack), path).await;
    }
}

/// Waits until a path is answered by 200.
///
/// # Panics
/// If that takes too long.
pub async fn wait_until_served(client: &Client, path: &str) {
    until(&format!("{path} is served"), PATIENCE, async || client.get(path).send().await.status == 200).await;
}

/// The folder of the five binaries.
///
/// # Panics
/// If the tests were not started by `cargo xtask test`.
pub fn binaries() -> PathBuf {
    let Some(folder) = std::env::var_os(BINARIES) else {
        panic!("{BINARIES} is not set: run these tests by `cargo xtask test -p system-tests`")
    };
    folder.into()
}
