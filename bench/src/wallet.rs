//! `cargo xtask bench wallet`.

use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) async fn run(_binaries: PathBuf, _arguments: Arguments) -> anyhow::Result<()> {
    anyhow::bail!("not measured yet")
}
