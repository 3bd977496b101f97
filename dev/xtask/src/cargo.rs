//! Running cargo, and finding what it has built.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use stack::{SERVICES, checkout};

/// The profile of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quick to build.
    Dev,
    /// For benchmarks.
    Release,
}

/// The cargo that runs this program, in the folder of the workspace.
pub(crate) fn command() -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.current_dir(checkout());
    command
}

/// Builds the five services, and gives the folder of their binaries.
pub(crate) fn build_services(profile: Profile) -> anyhow::Result<PathBuf> {
    build(build_services_command(checkout()), profile)
}

/// Builds the services and the program `bench` in one build. In two builds their dependencies would have different features,
/// and would be built twice.
pub(crate) fn build_for_benchmarks() -> anyhow::Result<PathBuf> {
    let mut command = build_services_command(checkout());
    command.args(["--package", "bench"]);
    build(command, Profile::Release)
}

/// The command that builds the same in the tree of another commit, which may lack a service of this one.
pub(crate) fn benchmarks_of(tree: &Path) -> Command {
    let mut command = build_services_command(tree);
    command.args(["--package", "bench", "--release"]);
    command
}

fn build_services_command(tree: &Path) -> Command {
    let mut command = command();
    command.current_dir(tree).args(["build", "--bins", "--message-format=json-render-diagnostics"]);
    for service in SERVICES.iter().filter(|service| tree.join(service.name).exists()) {
        command.args(["--package", service.name]);
    }
    command
}

/// Builds the five services as `cargo test --workspace` does, so that the tests find nothing left to build.
pub(crate) fn build_services_for_tests() -> anyhow::Result<PathBuf> {
    let mut command = command();
    command.args(["build", "--workspace", "--all-targets", "--message-format=json-render-diagnostics"]);
    build(command, Profile::Dev)
}

/// Builds config-server, and gives its binary.
pub(crate) fn build_config_server() -> anyhow::Result<PathBuf> {
    let mut command = command();
    command.args([
        "build",
        "--package",
        "config-server",
        "--bins",
        "--message-format=json-render-diagnostics",
    ]);
    executable(&run(command)?, "config-server")
}

fn build(mut command: Command, profile: Profile) -> anyhow::Result<PathBuf> {
    if profile == Profile::Release {
        command.arg("--release");
    }
    binaries_folder(&run(command)?)
}

/// Runs a build, and gives cargo's messages, one JSON object a line.
fn run(mut command: Command) -> anyhow::Result<String> {
    let output = command.stderr(Stdio::inherit()).output().context("running cargo")?;
    ensure!(output.status.success(), "the build failed: cargo says why above");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Finds the folder of the five binaries in cargo's messages.
fn binaries_folder(messages: &str) -> anyhow::Result<PathBuf> {
    let mut folder = None;
    for service in &SERVICES {
        folder = executable(messages, service.name)?.parent().map(Path::to_owned);
    }
    folder.context("a binary without a folder")
}

/// Finds a binary in cargo's messages.
fn executable(messages: &str, name: &str) -> anyhow::Result<PathBuf> {
    let executable = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["kind"][0] == "bin" && message["profile"]["test"] == false)
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.with_context(|| format!("cargo built no binary called {name}"))
}
