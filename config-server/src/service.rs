//! Starts the server, and runs its commands.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use service_host::{App, Host, Service, UserKeysFrom};

use crate::access::Credentials;
use crate::commands::Command;
use crate::environment::Environments;
use crate::http;
use crate::repository::{Repository, watch};
use crate::sealing::Keyring;
use crate::sealing::spring::SpringKeys;
use crate::server::ConfigServer;
use crate::settings::Settings;

impl Service for ConfigServer {
    const NAME: &'static str = "config-server";
    const ABOUT: &'static str = "Serves the settings of every process, in Spring Cloud Config's formats.";
    const USER_KEYS: UserKeysFrom = UserKeysFrom::Nobody;

    type Settings = Settings;
    type Command = Command;

    async fn start(host: &Host, settings: Settings) -> anyhow::Result<App> {
        let options = settings.options();
        let mut secret_files = settings.key_files.clone();
        secret_files.push(settings.credentials_file.clone());
        secret_files.extend(settings.spring.key_store.as_ref().map(|key_store| key_store.path.clone()));
        let repository = Repository::excluding(settings.directories, &secret_files);
        let first = repository.clone();
        // A broken file is no reason to stop: readiness says what is wrong, and the next scan may find it corrected.
        let _ = tokio::task::spawn_blocking(move || first.refresh()).await?;
        let keyring = Keyring::read(&settings.key_files)?.with_spring(SpringKeys::read(&settings.spring)?);
        let environments = Environments::new(repository.clone(), keyring).with_options(options);
        let credentials = Credentials::read(&settings.credentials_file)?;
        let server = Arc::new(ConfigServer::new(environments, credentials).until(host.shutdown()));
        let watcher = watch(repository.clone(), host.shutdown());
        let latest = repository.clone();
        Ok(App::new(http::router(server))
            .check("settings files", move || std::future::ready(repository.check()))
            .optional_check("latest settings files", move || std::future::ready(latest.check_latest()))
            .worker("settings files", watcher))
    }

    /// The commands run without settings: settings with sealed values need a key first.
    fn run_without_settings(command: Command) -> ControlFlow<anyhow::Result<()>, Command> {
        let done = command.run(io::stdin()).map(|result| println!("{result}"));
        ControlFlow::Break(done.map_err(anyhow::Error::from))
    }
}
