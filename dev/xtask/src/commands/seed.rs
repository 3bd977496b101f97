//! `cargo xtask seed`: an invented catalogue for the running stack.

use std::process::ExitCode;

use anyhow::{Context as _, ensure};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The number of stores, at most 100,000
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    stores: u32,
    /// The number of items in all stores, at most 10,000,000
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    items: u32,
    /// The seed number: another number gives another catalogue
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let running = stack::running(stack::checkout())?.context(
        "no stack of this checkout is running: start one with `cargo xtask up` in another terminal",
    )?;
    let Arguments { stores, items, seed } = arguments;
    let status = running
        .command(stack::checkout(), "store-api")
        .args(["--log", "warn", "seed"])
        .args(["--stores", &stores.to_string()])
        .args(["--items", &items.to_string()])
        .args(["--seed", &seed.to_string()])
        .status()
        .context("running `store-api seed`")?;
    ensure!(status.success(), "`store-api seed` failed ({status}): it says why above");
    println!(
        "{items} items in {stores} stores. See them at {}/api/store/items?sort=popular",
        running.gateway
    );
    Ok(ExitCode::SUCCESS)
}
