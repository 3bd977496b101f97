//! Starts the server, and runs its commands.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use service_host::{App, Host, Service, UserKeysFrom};

use crate::access::CredentialsFile;
use crate::commands::Command;
use crate::environment::Environments;
use crate::http;
use crate::repository::git::{GitRepository, GitSettings, watch_git};
use crate::repository::{Files, Repository, watch};
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
        let (files, watcher) = files(host, settings.git, settings.directories, &secret_files).await?;
        let keyring = Keyring::read(&settings.key_files)?.with_spring(SpringKeys::read(&settings.spring)?);
        let environments = Environments::new(files.clone(), keyring).with_options(options);
        let (credentials_file, credentials) = CredentialsFile::open(&settings.credentials_file)?;
        let server = Arc::new(ConfigServer::new(environments, credentials).until(host.shutdown()));
        let latest = files.clone();
        let replace = {
            let server = Arc::clone(&server);
            move |credentials| server.replace_credentials(credentials)
        };
        let credentials_watcher = credentials_file.clone().watch(replace, host.shutdown());
        Ok(App::new(http::router(server))
            .check("settings files", move || std::future::ready(files.check()))
            .optional_check("latest settings files", move || std::future::ready(latest.check_latest()))
            .optional_check("latest credentials", move || std::future::ready(credentials_file.check()))
            .worker("settings files", watcher)
            .worker("credentials", credentials_watcher))
    }

    /// The commands run without settings: settings with sealed values need a key first.
    fn run_without_settings(command: Command) -> ControlFlow<anyhow::Result<()>, Command> {
        let done = command.run(io::stdin()).map(|result| println!("{result}"));
        ControlFlow::Break(done.map_err(anyhow::Error::from))
    }
}

/// Reads the files for the first time. Gives them and what keeps them up to date.
async fn files(
    host: &Host,
    git: Option<GitSettings>,
    directories: Vec<PathBuf>,
    secret_files: &[PathBuf],
) -> anyhow::Result<(Files, BoxFuture<'static, ()>)> {
    // A broken file is no reason to stop, and neither is a repository that is away: readiness says what is wrong, and the next
    // look may find it corrected.
    if let Some(git) = git {
        let repository = GitRepository::new(git);
        let watcher = watch_git(repository.clone(), host.shutdown()).boxed();
        return Ok((repository.into(), watcher));
    }
    let repository = Repository::excluding(directories, secret_files);
    let first = repository.clone();
    let _ = tokio::task::spawn_blocking(move || first.refresh()).await?;
    let watcher = watch(repository.clone(), host.shutdown()).boxed();
    Ok((repository.into(), watcher))
}
