//! `cargo xtask test`: every test, on throw-away servers.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context as _;
use stack::{Database, Home, ServerOptions, Servers};

use crate::cargo;
use crate::display::display;
use crate::signals::Signals;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The database server: mariadb or mysql. MySQL is fetched from Debian's sid if the machine has none
    #[arg(long, default_value = "mariadb")]
    database: Database,
    /// For `cargo test`: a filter, `-p member-api`, `-- --nocapture`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    cargo_test: Vec<OsString>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let signals = Signals::listen()?;
    let progress = display();
    let servers = Servers::start(ServerOptions {
        home: Home::throwaway(stack::checkout()),
        database: arguments.database,
        interrupt: signals.interrupt(),
        progress: progress.clone(),
    })?;
    let mut command = cargo::command();
    command.arg("test");
    if needs_services(&arguments.cargo_test) {
        progress.note("Building everything. The first time this takes some minutes.");
        command.env("DALKOM_BINARIES", cargo::build_services_for_tests()?);
    }
    if packages(&arguments.cargo_test).is_empty() {
        command.arg("--workspace");
    }
    let status = command
        .args(&arguments.cargo_test)
        .env("DATABASE_URL", servers.test_database_url()?)
        // The system tests start servers of their own.
        .env("DALKOM_DATABASE", arguments.database.name())
        .env("REDIS_URL", servers.redis_url())
        .env("CONSUL_URL", servers.consul_url())
        .env("CONSUL_MANAGEMENT_TOKEN", servers.consul_management_token()?)
        .status()
        .context("running cargo test")?;
    drop(servers);
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX);
    Ok(ExitCode::from(code))
}

/// Only the system tests start the five services. They also run if no package is named.
fn needs_services(arguments: &[OsString]) -> bool {
    let packages = packages(arguments);
    packages.is_empty() || packages.iter().any(|package| *package == "system-tests")
}

/// The named packages: `-p member-api`, `--package=member-api`.
fn packages(arguments: &[OsString]) -> Vec<String> {
    let words: Vec<_> = arguments
        .iter()
        .map(|argument| argument.to_string_lossy())
        .take_while(|word| word != "--")
        .flat_map(|word| word.split('=').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let pairs = words.iter().zip(words.iter().skip(1));
    pairs
        .filter(|(option, _)| *option == "-p" || *option == "--package")
        .map(|(_, name)| name.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_whole_workspace_is_tested_unless_packages_are_named() {
        assert!(packages(&words("wallet -- -p")).is_empty());
        assert_eq!(packages(&words("-p member-api wallet")), ["member-api"]);
        assert_eq!(packages(&words("--package=member-api -p store-api")), ["member-api", "store-api"]);
    }

    #[test]
    fn the_services_are_built_for_tests_that_start_them() {
        assert!(needs_services(&words("checkout")));
        assert!(needs_services(&words("-p system-tests")));
        assert!(!needs_services(&words("-p money")));
    }
}
