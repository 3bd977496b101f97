//! The files of the checkout.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

/// Every file that is in git or can be added to it.
pub(super) fn tracked_files(checkout: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(checkout)
        .output()
        .context("running git")?;
    ensure!(output.status.success(), "`git ls-files` failed");
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}
