//! The smallest service. The tests of service-host run it as a process.
//!
//! Its settings are in a file (`--settings FILE`, an answer of config-server in JSON), so that it needs no config-server.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use garde::Validate;
use serde::Deserialize;
use service_host::{App, Host, Loaded, NoCommand, Service, SettingsSource, UserKeysFrom};
use settings::Tree;

struct Minimal;

/// The settings besides the sections of the host.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    /// The greeting.
    #[garde(length(min = 1))]
    greeting: String,
    /// Whether the worker ends at once, which is a fault.
    #[serde(default)]
    #[garde(skip)]
    lazy_worker: bool,
}

impl Service for Minimal {
    const NAME: &'static str = "minimal-api";
    const ABOUT: &'static str = "Greets.";
    const USER_KEYS: UserKeysFrom = UserKeysFrom::Nobody;
    type Settings = Settings;
    type Command = NoCommand;

    async fn start(host: &Host, settings: Settings) -> anyhow::Result<App> {
        let (shutdown, asked_last) = (host.shutdown(), host.shutdown());
        let router = Router::new()
            .route("/greeting", get(async move || settings.greeting))
            .route("/last-words", get(async move || asked_last.cancelled().await))
            .route("/length", post(async |body: Bytes| body.len().to_string()))
            .route("/panic", get(async || -> () { panic!("on purpose") }))
            .route("/never", get(std::future::pending::<()>));
        let worker = async move {
            if !settings.lazy_worker {
                shutdown.cancelled().await;
                tracing::info!("the worker has finished its step");
            }
        };
        let app = App::new(router).check("nothing", async || anyhow::Ok(())).worker("waiter", worker);
        Ok(app.management(Router::new().route("/about", get(async || "it greets"))))
    }
}

#[derive(Debug, clap::Args)]
struct File {
    /// The file with the settings.
    #[arg(long, value_name = "FILE")]
    settings: PathBuf,
}

impl SettingsSource for File {
    async fn load(&self, _application: &str, _profiles: &str) -> anyhow::Result<Loaded> {
        let text = std::fs::read(&self.settings).context("the settings file can't be read")?;
        Ok(Tree::from_environment(&serde_json::from_slice(&text)?)?.into())
    }
}

fn main() -> ExitCode {
    service_host::main_with::<Minimal, File>()
}
