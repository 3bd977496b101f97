//! The commit that is compared with: its files in a folder under `.dalkom/against`, and building them.
//!
//! A commit from before `bench` wrote figures for programs is measured by the `bench` of the first commit that does: it
//! knows the same tables and settings, unlike that of this tree, which may be far ahead.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use stack::Home;

use super::{child, unless_interrupted};
use crate::cargo;
use crate::signals::Signals;

/// Where it is, `bench` writes figures for programs.
const FIGURES: &str = "bench/src/figures.rs";
/// What takes part in a measurement without being measured.
const MEASURING: [&str; 3] = ["bench", "crates/stack", "config"];
const SHORT: usize = 12;

/// A commit, and which commit's `bench` measures it.
pub(super) struct Commit {
    id: String,
    /// The first digits of its id.
    pub(super) short: String,
    measured_by: Option<String>,
}

impl Commit {
    /// Finds a commit by any name that git knows it by.
    pub(super) fn find(name: &str) -> anyhow::Result<Self> {
        let wanted = format!("{name}^{{commit}}");
        let id = git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted]).with_context(|| {
            format!("git knows no commit {name} here; a shallow clone lacks the older ones (`git fetch --unshallow`)")
        })?;
        let short = id.get(..SHORT).context("a commit's id that is too short")?.to_owned();
        let has_figures = git(&["cat-file", "-e", &format!("{id}:{FIGURES}")]).is_ok();
        let measured_by = if has_figures { None } else { Some(first_with_figures_after(&id, &short)?) };
        Ok(Self { id, short, measured_by })
    }

    /// The folder that is its own.
    pub(super) fn folder(&self) -> PathBuf {
        let name = match &self.measured_by {
            None => self.short.clone(),
            Some(measured_by) => format!("{}-by-{}", self.short, &measured_by[..SHORT]),
        };
        super::folder().join(name)
    }

    /// Builds it with the release profile, and gives the folder of its binaries. Files and target folder stay for the
    /// next comparison.
    pub(super) fn build(&self, signals: &Signals) -> anyhow::Result<PathBuf> {
        unless_interrupted(signals)?;
        let folder = self.folder();
        let (tree, target) = (folder.join("tree"), folder.join("target"));
        if !tree.exists() {
            self.unpack(&folder, &tree)?;
        }
        let mut command = cargo::benchmarks_of(&tree);
        command.env("CARGO_TARGET_DIR", &target).stdout(Stdio::null());
        let status = child::run(&mut command, signals)?;
        ensure!(status.success(), "the build of {} failed: cargo says why above", self.short);
        Ok(target.join("release"))
    }

    /// Makes a folder of its files that gets its name when it is complete.
    fn unpack(&self, folder: &Path, tree: &Path) -> anyhow::Result<()> {
        let unfinished = folder.join("unfinished");
        remove(&unfinished)?;
        fs::create_dir_all(&unfinished).with_context(|| format!("making {}", unfinished.display()))?;
        extract(&self.id, ".", &unfinished)?;
        if let Some(measured_by) = &self.measured_by {
            remove(&unfinished.join("bench"))?;
            extract(measured_by, "bench", &unfinished)?;
        }
        // Both sides are to run on the same servers.
        let (ours, theirs) = (Home::lasting(cargo::checkout()).tools(), Home::lasting(&unfinished).tools());
        fs::create_dir_all(&ours).with_context(|| format!("making {}", ours.display()))?;
        if let Some(parent) = theirs.parent() {
            fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
        }
        symlink(&ours, &theirs).with_context(|| format!("making {}", theirs.display()))?;
        fs::rename(&unfinished, tree).with_context(|| format!("making {}", tree.display()))
    }

    /// Which commit it is, how this tree stands to it, and what else differs than what is measured.
    pub(super) fn describe(&self) -> anyhow::Result<String> {
        let changes = git(&["status", "--porcelain", "--untracked-files=no"])?;
        let changed = if changes.is_empty() { "" } else { ", with changes that are not committed" };
        let mut lines = vec![
            format!("this tree: {}{changed}", git(&["log", "-1", "--format=%h %s"])?),
            format!("{}: {}", self.short, git(&["log", "-1", "--format=%s", &self.id])?),
        ];
        if let Some(measured_by) = &self.measured_by {
            lines.push(format!(
                "{}: it writes no figures for programs, and is measured by bench/ of {}",
                self.short,
                &measured_by[..SHORT]
            ));
        }
        let bench = self.measured_by.as_ref().unwrap_or(&self.id);
        for (path, id) in MEASURING.into_iter().zip([bench, &self.id, &self.id]) {
            let files = git(&["diff", "--name-only", id, "--", path])?.lines().count();
            if files > 0 {
                lines.push(format!("{path} is not the same on both sides: {files} files differ"));
            }
        }
        Ok(lines.join("\n"))
    }
}

fn first_with_figures_after(id: &str, short: &str) -> anyhow::Result<String> {
    let range = format!("{id}..HEAD");
    let commits = git(&["log", "--reverse", "--format=%H", "--diff-filter=A", &range, "--", FIGURES])?;
    let Some(first) = commits.lines().next() else {
        bail!(
            "{short} writes no figures for programs, and no later commit of this branch shows how it could"
        );
    };
    Ok(first.to_owned())
}

/// Unpacks a path of a commit.
fn extract(id: &str, path: &str, into: &Path) -> anyhow::Result<()> {
    let archive = into.with_extension("tar");
    let file = File::create(&archive).with_context(|| format!("making {}", archive.display()))?;
    let mut command = Command::new("git");
    command.args(["archive", "--format=tar", id, path]).current_dir(cargo::checkout()).stdout(file);
    ensure!(command.status().context("running git")?.success(), "`git archive` failed");
    let mut command = Command::new("tar");
    command.arg("--extract").arg("--file").arg(&archive).arg("--directory").arg(into);
    ensure!(command.status().context("running tar")?.success(), "tar failed");
    fs::remove_file(&archive).with_context(|| format!("removing {}", archive.display()))
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.with_context(|| format!("removing {}", folder.display())),
    }
}

/// Asks git about this checkout.
fn git(arguments: &[&str]) -> anyhow::Result<String> {
    let output =
        Command::new("git").args(arguments).current_dir(cargo::checkout()).output().context("running git")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`git {}` failed: {}", arguments.join(" "), errors.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_that_is_not_there_is_told_by_its_name() {
        let error = Commit::find("no-such-commit").err().unwrap();
        assert!(error.to_string().contains("no commit no-such-commit"), "{error}");
    }

    #[test]
    fn an_option_is_no_name_of_a_commit() {
        assert!(Commit::find("--all").is_err());
    }
}
