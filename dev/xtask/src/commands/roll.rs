//! `cargo xtask roll SERVICE`: replaces the instances of a running stack, without an answer lost.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use stack::{Home, Roll, SERVICES, StackError};

use crate::cargo::{self, Profile};
use crate::failure;

const ALL: &str = "all";
/// The exit code if the new instances did not become healthy, and the old ones go on serving.
const WENT_BACK: u8 = 3;

/// Exit codes: 0 if all instances are replaced; 3 if a new one did not become healthy, and the service went back to its old
/// program; 1 after any other failure
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The service, or `all`
    service: String,
    /// A program to use instead of building one
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Builds with the profile that the benchmarks use, as `up --release` does
    #[arg(long, conflicts_with = "binary")]
    release: bool,
    /// How many seconds a new instance may take to become healthy
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    patience: u64,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let known: Vec<&'static str> = SERVICES.iter().map(|kind| kind.name).collect();
    let services: Vec<_> =
        known.iter().copied().filter(|name| [*name, ALL].contains(&arguments.service.as_str())).collect();
    ensure!(
        !services.is_empty(),
        "{} is no service: give one of {}, or {ALL}",
        arguments.service,
        known.join(", ")
    );
    if stack::running(stack::checkout())?.is_none() {
        bail!("no stack of this checkout is running: start one with `cargo xtask up` in another terminal");
    }
    let programs = match &arguments.binary {
        Some(_) if arguments.service == ALL => {
            bail!("--binary is the program of one service, and not of {ALL}")
        }
        Some(binary) => {
            let binary = binary.canonicalize().with_context(|| format!("--binary {}", binary.display()))?;
            BTreeMap::from([(arguments.service.clone(), binary)])
        }
        None => {
            let profile = if arguments.release { Profile::Release } else { Profile::Dev };
            // All are built together, as for `up`: alone, a service would have other features of its dependencies.
            let folder = cargo::build_services(profile)?;
            services.iter().map(|service| ((*service).to_owned(), folder.join(service))).collect()
        }
    };
    let roll = Roll { programs, patience: Duration::from_secs(arguments.patience) };
    let home = Home::lasting(stack::checkout());
    match stack::roll(&home, roll, &|text| println!("{text}")) {
        Ok(()) => {
            println!("Done: {}.", services.join(", "));
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            let went_back = matches!(error, StackError::Refused { went_back: true, .. });
            let code = failure::report(&error.into());
            Ok(if went_back { ExitCode::from(WENT_BACK) } else { code })
        }
    }
}
