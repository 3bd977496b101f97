//! `cargo xtask reset`: removes everything that earlier commands have left.

use std::fs;
use std::process::ExitCode;

use anyhow::Context as _;

use super::bench::against;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Keeps the fetched programs of the servers
    #[arg(long)]
    keep_tools: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut removed = stack::reset(stack::checkout(), arguments.keep_tools)?;
    let against = against::folder();
    if against.exists() {
        fs::remove_dir_all(&against).with_context(|| format!("removing {}", against.display()))?;
        removed.push(against);
    }
    if removed.is_empty() {
        println!("There was nothing to remove.");
    }
    for path in removed {
        println!("removed {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}
