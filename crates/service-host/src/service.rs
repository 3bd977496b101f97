//! What a service implements.

use std::ops::ControlFlow;

use serde::de::DeserializeOwned;

use crate::app::App;
use crate::host::Host;
use crate::user_keys::UserKeysFrom;

/// One deployable. Its `main.rs` is `fn main() -> ExitCode { service_host::main::<MyApi>() }`.
pub trait Service: Sized + 'static {
    /// Its name in settings, Consul, tokens, logs and metrics.
    const NAME: &'static str;
    /// One sentence for `--help`.
    const ABOUT: &'static str = "";
    /// Where it gets the keys of user tokens.
    const USER_KEYS: UserKeysFrom = UserKeysFrom::Issuer;

    /// Which threads work on its requests.
    const THREADS: Threads = Threads::Shared;

    /// Its own settings: all sections except those of the host. The type should deny unknown fields.
    type Settings: DeserializeOwned + garde::Validate<Context = ()>;
    /// Its commands besides serving, for example `my-api create-admin …`. [`NoCommand`] if there are none.
    type Command: clap::Subcommand;

    /// Connects to what it needs and makes its router. If it fails, the process ends with the error as its message.
    fn start(host: &Host, settings: Self::Settings) -> impl Future<Output = anyhow::Result<App>>;

    /// Runs a command that needs no settings, for example one that makes a key. Every other command is given back.
    fn run_without_settings(command: Self::Command) -> ControlFlow<anyhow::Result<()>, Self::Command> {
        ControlFlow::Continue(command)
    }

    /// Runs a command, instead of serving. A command that takes long should end when [`Host::shutdown`] is cancelled, which a
    /// signal does. If it has not ended some seconds later, it is aborted.
    fn run(
        host: &Host,
        settings: Self::Settings,
        command: Self::Command,
    ) -> impl Future<Output = anyhow::Result<()>> {
        let _ = (host, settings, command);
        async { anyhow::bail!("{} has no commands", Self::NAME) }
    }
}

/// Which threads work on requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// Any thread works on any request, whichever is free.
    Shared,
    /// Each thread works on connections of its own. It is for a service whose requests need little work, and no resource that
    /// all threads share, such as a pool of connections to a database: then waking another thread would cost more than the
    /// work.
    OwnConnections,
}

/// For services without commands.
#[derive(Clone, Copy, Debug, clap::Subcommand)]
pub enum NoCommand {}
