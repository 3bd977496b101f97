//! Starts the server, and runs its commands.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use service_host::{App, Host, Service, UserKeysFrom};

use crate::commands::Command;
use crate::credentials::Credentials;
use crate::environments::Environments;
use crate::http;
use crate::keyring::Keyring;
use crate::repository::Repository;
use crate::server::ConfigServer;
use crate::settings::Settings;

impl Service for ConfigServer {
    const NAME: &'static str = "config-server";
    const ABOUT: &'static str = "Serves the settings of every process, in Spring Cloud Config's formats.";
    const USER_KEYS: UserKeysFrom = UserKeysFrom::Nobody;

    type Settings = Settings;
    type Command = Command;

    async fn start(_: &Host, settings: Settings) -> anyhow::Result<App> {
        let repository = Repository::new(settings.directories);
        let environments = Environments::new(repository.clone(), Keyring::read(&settings.key_files)?);
        let credentials = Credentials::read(&settings.credentials_file)?;
        let server = Arc::new(ConfigServer::new(environments, credentials));
        Ok(App::new(http::router(server)).check("directories", move || {
            let repository = repository.clone();
            async move { anyhow::Ok(tokio::task::spawn_blocking(move || repository.check()).await??) }
        }))
    }

    /// The commands run without settings: settings with sealed values need a key first.
    fn run_without_settings(command: Command) -> ControlFlow<anyhow::Result<()>, Command> {
        let done = command.run(io::stdin()).map(|result| println!("{result}"));
        ControlFlow::Break(done.map_err(anyhow::Error::from))
    }
}
