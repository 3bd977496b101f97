//! `cargo xtask ci`: every check except the tests. All checks run, even if one fails.

mod circles;
mod conventions;
mod features;
mod file_lengths;
mod files;
mod references;
mod unused;

use std::fmt::Display;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use console::style;

use crate::cargo;
use crate::commands::docs;

/// The result of a check that has found nothing.
enum Outcome {
    Passed,
    /// It needs a tool that is not installed.
    Skipped(&'static str),
}

type Check = (&'static str, fn() -> anyhow::Result<Outcome>);

const CHECKS: [Check; 11] = [
    ("formatting", formatting),
    ("conventions", conventions),
    ("file lengths", file_lengths),
    ("circles between files", circles),
    ("features and their arrows", features),
    ("unused dependencies", unused),
    ("references in documents", references),
    ("generated documents", generated_documents),
    ("clippy", clippy),
    ("documentation", documentation),
    ("dependencies", dependencies),
];

pub(crate) fn run() -> ExitCode {
    let mut failed = false;
    for (name, check) in CHECKS {
        eprintln!("{}", style(format!("── {name}")).bold().for_stderr());
        let began = Instant::now();
        let outcome = check();
        let seconds = began.elapsed().as_secs();
        match outcome {
            Ok(Outcome::Passed) => eprintln!("{} {name}, {seconds} s", style("✓").green().for_stderr()),
            Ok(Outcome::Skipped(why)) => {
                eprintln!("{} {name} was skipped: {why}", style("–").yellow().for_stderr());
            }
            Err(error) => {
                failed = true;
                eprintln!("{} {name}, {seconds} s: {error:#}", style("✗").red().for_stderr());
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn formatting() -> anyhow::Result<Outcome> {
    run_to_success(cargo::command().args(["fmt", "--all", "--check"]), "run `cargo fmt --all`")
}

fn clippy() -> anyhow::Result<Outcome> {
    let mut production = cargo::command();
    production.args(["clippy", "--workspace", "--lib", "--bins", "--", "-D", "warnings"]);
    run_to_success(&mut production, "see above")?;
    // In a test, the panic is the message.
    let mut tests = cargo::command();
    tests.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
        "-A",
        "clippy::unwrap_used",
    ]);
    run_to_success(&mut tests, "see above")
}

fn documentation() -> anyhow::Result<Outcome> {
    let mut command = cargo::command();
    command.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    run_to_success(&mut command, "see above")
}

/// Licences, sources, advisories and bans, which deny.toml lists.
fn dependencies() -> anyhow::Result<Outcome> {
    let installed = cargo::command().args(["deny", "--version"]).output().context("running cargo")?;
    if !installed.status.success() {
        return Ok(Outcome::Skipped("cargo-deny is not installed (`cargo install cargo-deny --locked`)"));
    }
    run_to_success(cargo::command().args(["deny", "--workspace", "check"]), "deny.toml gives the reasons")
}

fn conventions() -> anyhow::Result<Outcome> {
    none_of(&conventions::breaches(stack::checkout())?, "lines break an invariant of docs/architecture.md")
}

fn file_lengths() -> anyhow::Result<Outcome> {
    none_of(&file_lengths::too_long(stack::checkout())?, "files are too long: divide them")
}

fn circles() -> anyhow::Result<Outcome> {
    none_of(&circles::circles(stack::checkout())?, "circles: put what both files need into a file of its own")
}

fn features() -> anyhow::Result<Outcome> {
    none_of(&features::faults(stack::checkout())?, "differences from the list in docs/architecture.md")
}

fn unused() -> anyhow::Result<Outcome> {
    none_of(&unused::unused(stack::checkout())?, "dependencies to remove from a Cargo.toml")
}

fn references() -> anyhow::Result<Outcome> {
    none_of(&references::dangling(stack::checkout())?, "names that documents use are not there")
}

fn generated_documents() -> anyhow::Result<Outcome> {
    let stale = docs::stale()?;
    ensure!(stale.is_empty(), "{} differs from the sources: run `cargo xtask docs`", stale.join(", "));
    Ok(Outcome::Passed)
}

/// Passes if nothing was found, else shows what was.
fn none_of<T: Display>(found: &[T], what: &str) -> anyhow::Result<Outcome> {
    for one in found {
        eprintln!("{one}");
    }
    ensure!(found.is_empty(), "{} {what}", found.len());
    Ok(Outcome::Passed)
}

fn run_to_success(command: &mut Command, advice: &str) -> anyhow::Result<Outcome> {
    let status = command.status().context("running cargo")?;
    if !status.success() {
        bail!("failed; {advice}");
    }
    Ok(Outcome::Passed)
}
