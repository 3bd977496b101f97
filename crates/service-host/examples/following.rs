//! A service whose greeting changes while it runs. The tests of service-host run it as a process.

use std::process::ExitCode;

use axum::Router;
use axum::routing::get;
use garde::Validate;
use serde::Deserialize;
use service_host::live::Commit;
use service_host::{App, Host, Live, NoCommand, Service, UserKeysFrom};

struct Following;

/// The settings besides the sections of the host.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    /// The greeting.
    #[garde(dive)]
    greeting: Live<Greeting>,
    /// A setting that is read once.
    #[serde(default)]
    #[garde(skip)]
    name: String,
}

#[derive(Debug, Deserialize, Validate)]
#[serde(transparent)]
#[garde(transparent)]
struct Greeting(#[garde(length(min = 1))] String);

impl Service for Following {
    const NAME: &'static str = "following-api";
    const ABOUT: &'static str = "Greets, and changes its mind.";
    const USER_KEYS: UserKeysFrom = UserKeysFrom::Nobody;
    type Settings = Settings;
    type Command = NoCommand;

    async fn start(_: &Host, settings: Settings) -> anyhow::Result<App> {
        settings.greeting.prepare_with(|greeting, _| {
            let fits = !greeting.0.contains("impossible");
            std::future::ready(if fits { Ok(Box::new(|| ()) as Commit) } else { Err("can't be said") })
        });
        let Settings { greeting, name } = settings;
        let router = Router::new()
            .route("/greeting", get(async move || greeting.get().0.clone()))
            .route("/name", get(async move || name));
        Ok(App::new(router))
    }
}

fn main() -> ExitCode {
    service_host::main::<Following>()
}
