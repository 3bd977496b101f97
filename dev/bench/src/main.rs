//! What `cargo xtask bench …` runs: the real stack under load, against a floor that is measured in the same run.
//!
//! Each benchmark is a file of its own. What they share:
//!
//! | module | owns |
//! |---|---|
//! | [`aim`] | whether an aim is met |
//! | [`measured_stack`] | a stack of release binaries on servers that wait for their disks |
//! | [`client`] | an HTTP connection that needs little processor time |
//! | [`figures`] | the figures, in a file for programs |
//! | [`load`] | closed loops, and the time of each turn |
//! | [`process`] | the processor time and the memory of a process |
//! | [`shop`] | a seller with items for sale |

mod aim;
mod boot;
mod cart;
mod checkout;
mod client;
mod figures;
mod gateway;
mod load;
mod measured_stack;
mod process;
mod search;
mod settlement;
mod shop;
mod wallet;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use figures::Figures;

/// Measures Dalkom. `cargo xtask bench` builds the services and runs this program.
#[derive(Parser)]
struct Arguments {
    /// The folder with the five services' binaries
    #[arg(long)]
    binaries: PathBuf,
    /// Also writes the figures into this file, one JSON object a line
    #[arg(long)]
    figures: Option<PathBuf>,
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Subcommand)]
enum Benchmark {
    /// The time until the stack is ready, and the memory of its processes
    Boot,
    /// Cart reads and writes, against the same commands sent straight to Redis
    Cart(cart::Arguments),
    /// Checkouts a second through the gateway, against their SQL straight on the database
    Checkout(checkout::Arguments),
    /// Requests a second of processor time through the gateway, against other proxies before the same upstream
    Gateway(gateway::Arguments),
    /// Charges a second, against the same statements straight on the database; and the cost of a sign-in, with its memory
    Wallet(wallet::Arguments),
    /// Searches and lists over catalogues of growing size, against the fastest hand-written SQL for the same answers
    Search(search::Arguments),
    /// Settling a day of many lines, against plain inserts from the lines and from ready-made totals
    Settlement(settlement::Arguments),
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<ExitCode> {
    let Arguments { binaries, figures: file, benchmark } = Arguments::parse();
    let mut figures = Figures::default();
    let code = match benchmark {
        Benchmark::Boot => boot::run(binaries, &mut figures).await,
        Benchmark::Cart(arguments) => cart::run(binaries, arguments, &mut figures).await,
        Benchmark::Checkout(arguments) => checkout::run(binaries, arguments, &mut figures).await,
        Benchmark::Gateway(arguments) => gateway::run(binaries, arguments, &mut figures).await,
        Benchmark::Search(arguments) => search::run(binaries, arguments, &mut figures).await,
        Benchmark::Settlement(arguments) => settlement::run(binaries, arguments, &mut figures).await,
        Benchmark::Wallet(arguments) => wallet::run(binaries, arguments, &mut figures).await,
    }?;
    if let Some(file) = file {
        figures.write(&file)?;
    }
    Ok(code)
}
