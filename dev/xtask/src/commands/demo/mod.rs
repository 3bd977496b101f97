//! `cargo xtask demo`: a day of a seller and two customers, played through the gateway.

mod api;
mod story;
mod values;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use crate::cargo::Profile;
use crate::commands::up;
use crate::signals::Signals;
use api::Api;
use story::Story;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// If the demo starts a stack, keeps it up until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Plays on the gateway at this address instead, of a system that runs elsewhere
    #[arg(long, value_name = "URL", requires = "member_api", conflicts_with = "keep")]
    gateway: Option<String>,
    /// The program member-api, which makes the administrator there. Its DALKOM_… variables say where its settings are
    #[arg(long, value_name = "FILE", requires = "gateway")]
    member_api: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if let (Some(gateway), Some(member_api)) = (&arguments.gateway, &arguments.member_api) {
        let story = Story::new(Api::new(gateway));
        stack::create_admin(Command::new(member_api), &story.admin_email(), &story.password)?;
        story.play()?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(running) = stack::running(stack::checkout())? {
        println!("Playing on the running stack at {}.", running.gateway);
        let story = Story::new(Api::new(&running.gateway));
        running.create_admin(stack::checkout(), &story.admin_email(), &story.password)?;
        story.play()?;
        return Ok(ExitCode::SUCCESS);
    }
    let signals = Signals::listen()?;
    let stack = up::start(&signals, Profile::Dev, &up::Instances::default())?;
    let story = Story::new(Api::new(&stack.gateway_url()));
    stack.create_admin(&story.admin_email(), &story.password)?;
    story.play()?;
    if arguments.keep {
        println!("\nThe stack stays up at {}, until Ctrl-C.", stack.gateway_url());
        up::keep_running(&stack, &signals)?;
    }
    stack.shut_down()?;
    Ok(ExitCode::SUCCESS)
}
