//! `cargo xtask ci`: every check but the tests. All of them run, also when one fails.

mod conventions;
mod references;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use console::style;

use crate::cargo;
use crate::commands::docs;

/// What a check may say when nothing is wrong.
enum Outcome {
    Passed,
    /// It needs a tool that is not here.
    Skipped(&'static str),
}

type Check = (&'static str, fn() -> anyhow::Result<Outcome>);

const CHECKS: [Check; 7] = [
    ("formatting", formatting),
    ("conventions", conventions),
    ("what documents name is there", references),
    ("generated documents are fresh", generated_documents),
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
    run_to_success(&mut production, "it says why above")?;
    // In a test a panic is the message.
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
    run_to_success(&mut tests, "it says why above")
}

fn documentation() -> anyhow::Result<Outcome> {
    let mut command = cargo::command();
    command.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    run_to_success(&mut command, "it says why above")
}

/// Licences, sources, advisories and bans, as deny.toml has them.
fn dependencies() -> anyhow::Result<Outcome> {
    let installed = cargo::command().args(["deny", "--version"]).output().context("running cargo")?;
    if !installed.status.success() {
        return Ok(Outcome::Skipped("cargo-deny is not installed (`cargo install cargo-deny --locked`)"));
    }
    run_to_success(cargo::command().args(["deny", "--workspace", "check"]), "deny.toml has the reasons")
}

fn conventions() -> anyhow::Result<Outcome> {
    let breaches = conventions::breaches(cargo::checkout())?;
    for breach in &breaches {
        eprintln!("{breach}");
    }
    ensure!(breaches.is_empty(), "{} lines break an invariant of docs/architecture.md", breaches.len());
    Ok(Outcome::Passed)
}

fn references() -> anyhow::Result<Outcome> {
    let dangling = references::dangling(cargo::checkout())?;
    ensure!(dangling.is_empty(), "not there:\n{}", dangling.join("\n"));
    Ok(Outcome::Passed)
}

/// Every file that is, or would be, in git.
fn tracked_files(checkout: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(checkout)
        .output()
        .context("running git")?;
    ensure!(output.status.success(), "`git ls-files` failed");
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

fn generated_documents() -> anyhow::Result<Outcome> {
    let stale = docs::stale()?;
    ensure!(stale.is_empty(), "{} is not what the sources say: run `cargo xtask docs`", stale.join(", "));
    Ok(Outcome::Passed)
}

fn run_to_success(command: &mut Command, advice: &str) -> anyhow::Result<Outcome> {
    let status = command.status().context("running cargo")?;
    if !status.success() {
        bail!("failed; {advice}");
    }
    Ok(Outcome::Passed)
}
