//! `cargo xtask reset`: as if nothing had ever run here.

use std::process::ExitCode;

use crate::cargo;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Keeps the servers' programs that were fetched
    #[arg(long)]
    keep_tools: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let removed = stack::reset(cargo::checkout(), arguments.keep_tools)?;
    if removed.is_empty() {
        println!("There was nothing to remove.");
    }
    for path in removed {
        println!("removed {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}
