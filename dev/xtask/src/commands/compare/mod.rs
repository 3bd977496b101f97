//! `cargo xtask compare config`: asks a real Spring Cloud Config Server and ours the same about random trees of files.
//!
//! A tree is a label: both servers have the locations `a/{label}` and `b/{label}`, and all trees are there before they start.
//!
//! | module | owns |
//! |---|---|
//! | [`trees`] | random trees, and what is asked about them |
//! | [`values`] | random values: scalars that YAML 1.1 reads in surprising ways, escapes, placeholders |
//! | [`servers`] | building and starting both servers |
//! | [`answers`] | what they answer, and what is different |

mod answers;
mod servers;
mod trees;
mod values;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

use answers::{Difference, difference};
use servers::Servers;
use trees::{REQUESTS, Tree};

use crate::cargo;

/// How many differences are shown.
const SHOWN_MAX: usize = 20;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A real Spring Cloud Config Server beside ours, on random trees of settings files. It needs Java 17 and Maven
    Config(Config),
}

#[derive(clap::Args)]
struct Config {
    /// How many trees
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    trees: u32,
    /// The seed number: another number gives other trees
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Ends with 1 if an answer is different and no decision of docs/config-server.md covers it.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Command::Config(Config { trees, seed }) = &arguments.command;
    let folder = tempfile::tempdir()?;
    let (asked, mut differences) = compare(folder.path(), *trees, *seed)?;
    differences.sort_by_key(|difference| difference.bytes);
    for difference in differences.iter().take(SHOWN_MAX) {
        println!("{difference}\n");
    }
    println!("{asked} requests about {trees} trees (seed {seed}): {} differences", differences.len());
    Ok(if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn compare(folder: &std::path::Path, count: u32, seed: u64) -> anyhow::Result<(usize, Vec<Difference>)> {
    let jar = servers::build_spring()?;
    let binary = cargo::build_config_server()?;
    let sealed = servers::seal(&jar, folder)?;
    let trees: Vec<Tree> = (0..count).map(|number| Tree::random(number, count, seed, &sealed)).collect();
    for tree in &trees {
        tree.write(folder).context("writing the trees")?;
    }
    let servers = Servers::start(&jar, &binary, folder)?;
    let mut differences = Vec::new();
    let mut asked = 0;
    for tree in &trees {
        for request in REQUESTS {
            let path = request.path(&tree.label());
            let (theirs, ours) =
                (servers.spring(&path, request.accept())?, servers.ours(&path, request.accept())?);
            asked += 1;
            if let Some(what) = difference(*request, &theirs, &ours) {
                differences.push(Difference { path, what, bytes: tree.bytes(), files: tree.to_string() });
            }
        }
    }
    Ok((asked, differences))
}
