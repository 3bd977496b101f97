//! `cargo xtask demo`: a seller's and two customers' day, played through the gateway.

mod api;
mod story;

use std::io::Write as _;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, ensure};
use rand::RngExt as _;
use rand::distr::Alphanumeric;

use crate::cargo::{self, Profile};
use crate::commands::up;
use crate::signals::Signals;
use api::Api;
use story::Story;

const PASSWORD_CHARS: usize = 24;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Keeps the stack up that the demo has to start, until Ctrl-C
    #[arg(long)]
    keep: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if let Some(running) = stack::running(cargo::checkout())? {
        println!("Playing on the stack that is up at {}.", running.gateway);
        play(&running.gateway, running.command(cargo::checkout(), "member-api"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let signals = Signals::listen()?;
    let stack = up::start(&signals, Profile::Dev)?;
    play(&stack.gateway_url(), stack.command("member-api")?)?;
    if arguments.keep {
        println!("\nThe stack stays up at {}, until Ctrl-C.", stack.gateway_url());
        up::look_after(&stack, &signals)?;
    }
    stack.shut_down()?;
    Ok(ExitCode::SUCCESS)
}

fn play(gateway: &str, member_api: Command) -> anyhow::Result<()> {
    let code = random(4).to_lowercase();
    let password = random(PASSWORD_CHARS);
    let admin_email = format!("admin-{code}@dalkom.example");
    create_admin(member_api, &admin_email, &password)?;
    Story::new(Api::new(gateway), code, password).play(&admin_email)
}

/// Makes the administrator who looks at the ledger in the end: there is no sign-up for that role.
fn create_admin(mut member_api: Command, email: &str, password: &str) -> anyhow::Result<()> {
    let mut child = member_api
        .args(["create-admin", "--email", email])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("running `member-api create-admin`")?;
    let mut stdin = child.stdin.take().context("a child without standard input")?;
    writeln!(stdin, "{password}").context("telling `member-api create-admin` the password")?;
    drop(stdin);
    let output = child.wait_with_output().context("waiting for `member-api create-admin`")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`member-api create-admin` failed: {}", errors.trim());
    Ok(())
}

fn random(chars: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(chars).map(char::from).collect()
}
