//! The stack that the tests of one binary share.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use stack::{Home, Interrupt, Options, Override, ServerOptions, Servers, Silent, Stack};

use crate::client::Client;

/// The folder of the five binaries, as `cargo xtask test` tells it.
const BINARIES: &str = "DALKOM_BINARIES";
/// The database server to test on, as `cargo xtask test --database` tells it.
const DATABASE: &str = "DALKOM_DATABASE";
/// How long a part that was started again may take until the gateway uses it.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// The stack of this test binary, started by whichever test comes first. It ends with the process.
pub fn shared() -> Arc<Stack> {
    static SHARED: OnceLock<Arc<Stack>> = OnceLock::new();
    SHARED.get_or_init(|| Arc::new(start(|_| Vec::new()))).clone()
}

/// Starts a stack whose settings depend on where its servers are.
///
/// # Panics
/// If it does not start: there is nothing to test then.
pub fn start(overrides: impl FnOnce(&Servers) -> Vec<Override>) -> Stack {
    start_in(Home::throwaway(checkout()), overrides)
}

/// As [`start`], on servers that keep what they have answered when they are killed themselves.
///
/// # Panics
/// If it does not start.
pub fn start_durable(overrides: impl FnOnce(&Servers) -> Vec<Override>) -> Stack {
    start_in(Home::measured(checkout()), overrides)
}

fn start_in(home: Home, overrides: impl FnOnce(&Servers) -> Vec<Override>) -> Stack {
    let binaries = binaries();
    let database = std::env::var(DATABASE).map(|name| name.parse().expect("a database that there is"));
    let options = ServerOptions {
        home,
        database: database.unwrap_or_default(),
        interrupt: Interrupt::default(),
        progress: Arc::new(Silent),
    };
    let started = Servers::start(options).and_then(|servers| {
        let overrides = overrides(&servers);
        Stack::start(servers, Options { binaries, overrides })
    });
    match started {
        Ok(stack) => stack,
        Err(error) => {
            let log = error.log().map(|log| log.lines.join("\n")).unwrap_or_default();
            panic!("the stack does not start: {error}\n{log}")
        }
    }
}

/// Starts what an earlier test has left down, so that the next one does not fail for it.
///
/// # Panics
/// If it does not start, or is not served again in time.
pub async fn heal(stack: &Arc<Stack>) {
    for part in stack.parts().into_iter().filter(|part| part.pid.is_none()) {
        let stack = stack.clone();
        let started = tokio::task::spawn_blocking(move || stack.start_again(&part.name)).await;
        started.expect("starting does not panic").expect("a part starts as it did before");
    }
    let client = Client::of(stack);
    let deadline = Instant::now() + PATIENCE;
    for path in ["/.well-known/jwks.json", "/api/store/items"] {
        while client.get(path).send().await.status != 200 {
            assert!(Instant::now() < deadline, "{path} is not served again");
            tokio::time::sleep(POLL).await;
        }
    }
}

fn binaries() -> PathBuf {
    let Some(folder) = std::env::var_os(BINARIES) else {
        panic!("{BINARIES} is not set: run these tests by `cargo xtask test -p system-tests`")
    };
    folder.into()
}

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in a folder of the workspace")
}
