//! `cargo xtask config`: which process runs which version of its settings, as config-server knows it; and new keys for services.

use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::Subcommand;
use serde_json::Value;

/// How long config-server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How many digits of a version are shown.
const VERSION_DIGITS: usize = 12;
/// Larger answers are not read.
const ANSWER_MAX_BYTES: u64 = 64 * 1024 * 1024;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Shows which process runs which version, who has refused one and why, and what waits for a restart
    Status(Server),
    /// Replaces the key with which a service of the running stack signs its tokens. Nothing is refused meanwhile, and nothing is
    /// restarted
    RotateServiceKey {
        /// The service: member-api, order-api or gateway
        service: String,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
    },
}

/// Which config-server; without flags, that of the running stack.
#[derive(clap::Args)]
struct Server {
    /// The address of a config-server
    #[arg(long, requires = "password_file")]
    url: Option<String>,
    /// A file with the password of its operator
    #[arg(long, requires = "url", value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// Ends with 1 if a process has refused a version.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::Status(server) => status(server),
        Command::RotateServiceKey { service, dry_run } => rotate_service_key(service, *dry_run),
    }
}

fn rotate_service_key(service: &str, dry_run: bool) -> anyhow::Result<ExitCode> {
    let checkout = stack::checkout();
    let Some(running) = stack::running(checkout)? else {
        bail!("no stack of this checkout is running: start one with `cargo xtask up`");
    };
    let home = stack::Home::lasting(checkout);
    let rotation = stack::ServiceKeyRotation::new(home, &running.config_server, service)?;
    if dry_run {
        for step in rotation.steps() {
            println!("would {step}");
        }
    } else {
        rotation.run(&|step| println!("{step}"), &stack::Interrupt::default())?;
        println!("{service} signs with the new key, and the old one is accepted no more");
    }
    Ok(ExitCode::SUCCESS)
}

fn status(server: &Server) -> anyhow::Result<ExitCode> {
    let (url, password) = server.address()?;
    let url = format!("{}/instances", url.trim_end_matches('/'));
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(TIMEOUT))
        .max_redirects(0)
        .build();
    let request = ureq::Agent::from(agent).get(&url);
    let mut answer = request
        .header("authorization", basic("operator", &password))
        .call()
        .with_context(|| format!("asking {url}"))?;
    let status = answer.status();
    let body: Value = answer
        .body_mut()
        .with_config()
        .limit(ANSWER_MAX_BYTES)
        .read_json()
        .with_context(|| format!("{url} answers {status}, and no JSON"))?;
    let Some(instances) = body["instances"].as_array() else {
        bail!("{url} answers {status}: {}", body["detail"].as_str().unwrap_or_default());
    };
    print!("{}", table(instances));
    let is_refused = instances.iter().any(|instance| !instance["refused"].is_null());
    Ok(if is_refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Server {
    fn address(&self) -> anyhow::Result<(String, String)> {
        if let (Some(url), Some(file)) = (&self.url, &self.password_file) {
            let password =
                std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
            return Ok((url.clone(), password.trim_end_matches(['\r', '\n']).to_owned()));
        }
        let checkout = stack::checkout();
        let Some(running) = stack::running(checkout)? else {
            bail!("no stack of this checkout is running: start one with `cargo xtask up`, or give --url");
        };
        let password = running.operator_password(checkout)?;
        Ok((running.config_server, password))
    }
}

/// The header field by which an application or the operator shows its password.
pub(super) fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{name}:{password}")))
}

/// A line for each process, and lines with what is wrong.
fn table(instances: &[Value]) -> String {
    let mut text = String::new();
    if instances.is_empty() {
        text.push_str("no process has asked for changes lately\n");
    }
    for instance in instances {
        let (name, applied) = (plain(&instance["instance"]), version(&instance["applied"]));
        let seen = instance["seenSecondsAgo"].as_u64().unwrap_or_default();
        put(&mut text, format_args!("{name:<40} runs {applied:<13} seen {seen} s ago\n"));
        for key in instance["restartPending"].as_array().into_iter().flatten() {
            put(&mut text, format_args!("    {} waits for a restart\n", plain(key)));
        }
        let refused = &instance["refused"];
        if !refused.is_null() {
            put(&mut text, format_args!("    has refused {}:\n", version(&refused["version"])));
        }
        for fault in refused["faults"].as_array().into_iter().flatten() {
            put(&mut text, format_args!("      {}: {}", plain(&fault["key"]), plain(&fault["problem"])));
            if !fault["origin"].is_null() {
                put(&mut text, format_args!(" (from {})", plain(&fault["origin"])));
            }
            text.push('\n');
        }
    }
    text
}

fn version(value: &Value) -> String {
    plain(value).chars().take(VERSION_DIGITS).collect()
}

/// The text for a terminal: a process chooses it, so it has no control characters.
fn plain(value: &Value) -> String {
    let text = value.as_str().unwrap_or("(none)");
    text.chars().map(|char| if char.is_control() { '?' } else { char }).collect()
}

fn put(text: &mut String, part: fmt::Arguments<'_>) {
    text.write_fmt(part).expect("writing into a String does not fail");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_process_has_a_line_and_what_is_wrong_stands_below_it() {
        let instances = [
            json!({"instance": "order-api-1", "applied": "0123456789abcdef", "refused": null,
                "restartPending": ["server.address"], "seenSecondsAgo": 3}),
            json!({"instance": "gate\u{1b}way-1", "applied": null, "restartPending": [], "seenSecondsAgo": 0,
                "refused": {"version": "ff", "faults": [
                    {"key": "routes", "problem": "is missing", "origin": "gateway.yml"},
                    {"key": "a", "problem": "b", "origin": null}]}}),
        ];

        assert_eq!(
            table(&instances),
            "order-api-1                              runs 0123456789ab  seen 3 s ago\n    \
             server.address waits for a restart\n\
             gate?way-1                               runs (none)        seen 0 s ago\n    \
             has refused ff:\n      routes: is missing (from gateway.yml)\n      a: b\n"
        );
        assert_eq!(table(&[]), "no process has asked for changes lately\n");
    }
}
