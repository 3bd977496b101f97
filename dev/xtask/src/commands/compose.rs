//! `cargo xtask compose secrets`: the keys, passwords and settings of the containers of docker-compose.yml.

use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Makes the keys and passwords that are missing, and writes the files that the containers are given
    Secrets {
        /// Their folder; docker-compose.yml looks for them in .dalkom/compose of the checkout
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Command::Secrets { out } = &arguments.command;
    let folder = out.clone().unwrap_or_else(|| stack::checkout().join(".dalkom/compose"));
    stack::write_compose_secrets(&folder)?;
    println!("The secrets are in {}. Keep the folder: the data can't be read without it.", folder.display());
    Ok(ExitCode::SUCCESS)
}
