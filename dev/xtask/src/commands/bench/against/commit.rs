//! The commit to compare with: its files in a folder under `.dalkom/against`, and its build.
//!
//! The `bench` of some earlier commits writes no figures for programs. Such a commit is measured by the `bench` of the first
//! later commit that does. That one knows the same tables and settings; the `bench` of this tree may not.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use stack::Home;

use super::child;
use crate::cargo;
use crate::signals::Signals;

/// The folders of the package `bench`: today's, and the one of earlier commits.
const BENCH: [&str; 2] = ["dev/bench", "bench"];
/// The file of `bench` that writes figures for programs.
const FIGURES: &str = "src/figures.rs";
/// The folders of the package `stack`: today's, and the one of earlier commits.
const STACK: [&str; 2] = ["dev/stack", "crates/stack"];
const SHORT: usize = 12;

/// The folder of earlier commits and their builds.
pub(crate) fn folder() -> PathBuf {
    stack::checkout().join(".dalkom/against")
}

/// A commit, and the commit whose `bench` measures it.
pub(super) struct Commit {
    id: String,
    /// The first digits of its id.
    pub(super) short: String,
    measured_by: Option<String>,
}

impl Commit {
    /// Finds a commit by any name that git knows.
    pub(super) fn find(name: &str) -> anyhow::Result<Self> {
        let wanted = format!("{name}^{{commit}}");
        let id = git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted]).with_context(|| {
            format!("git knows no commit {name} here; a shallow clone lacks older commits (`git fetch --unshallow`)")
        })?;
        let short = id.get(..SHORT).context("the id of a commit is too short")?.to_owned();
        let has_figures = BENCH.iter().any(|bench| is_in(&id, &format!("{bench}/{FIGURES}")));
        let measured_by = if has_figures { None } else { Some(first_with_figures_after(&id, &short)?) };
        Ok(Self { id, short, measured_by })
    }

    /// Its folder.
    pub(super) fn folder(&self) -> PathBuf {
        let name = match &self.measured_by {
            None => self.short.clone(),
            Some(measured_by) => format!("{}-by-{}", self.short, &measured_by[..SHORT]),
        };
        folder().join(name)
    }

    /// Builds it with the release profile, and gives the folder of its binaries. The files and the target folder stay for
    /// the next comparison.
    pub(super) fn build(&self, signals: &Signals) -> anyhow::Result<PathBuf> {
        signals.check()?;
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

    /// Writes its files into a folder that gets its name when it is complete.
    fn unpack(&self, folder: &Path, tree: &Path) -> anyhow::Result<()> {
        let unfinished = folder.join("unfinished");
        remove(&unfinished)?;
        fs::create_dir_all(&unfinished).with_context(|| format!("making {}", unfinished.display()))?;
        extract(&self.id, ".", &unfinished)?;
        if let Some(measured_by) = &self.measured_by {
            let bench = bench_folder(measured_by)?;
            remove(&unfinished.join(bench))?;
            extract(measured_by, bench, &unfinished)?;
        }
        // Both sides run on the same servers.
        let (ours, theirs) = (Home::lasting(stack::checkout()).tools(), Home::lasting(&unfinished).tools());
        fs::create_dir_all(&ours).with_context(|| format!("making {}", ours.display()))?;
        if let Some(parent) = theirs.parent() {
            fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
        }
        symlink(&ours, &theirs).with_context(|| format!("making {}", theirs.display()))?;
        fs::rename(&unfinished, tree).with_context(|| format!("making {}", tree.display()))
    }

    /// Names both sides, and says what differs besides the services.
    pub(super) fn describe(&self) -> anyhow::Result<String> {
        let changes = git(&["status", "--porcelain", "--untracked-files=no"])?;
        let changed = if changes.is_empty() { "" } else { ", with changes that are not committed" };
        let mut lines = vec![
            format!("this tree: {}{changed}", git(&["log", "-1", "--format=%h %s"])?),
            format!("{}: {}", self.short, git(&["log", "-1", "--format=%s", &self.id])?),
        ];
        if let Some(measured_by) = &self.measured_by {
            lines.push(format!(
                "{}: its own `bench` writes no figures for programs; it is measured by that of {}",
                self.short,
                &measured_by[..SHORT]
            ));
        }
        let bench = self.measured_by.as_ref().unwrap_or(&self.id);
        // They take part in a measurement without being measured.
        for (id, folders) in [(bench, &BENCH[..]), (&self.id, &STACK[..]), (&self.id, &["config"])] {
            let files = differing_files(id, folders)?;
            if files > 0 {
                lines.push(format!("{} is not the same on both sides: {files} files differ", folders[0]));
            }
        }
        Ok(lines.join("\n"))
    }
}

fn is_in(commit: &str, path: &str) -> bool {
    git(&["cat-file", "-e", &format!("{commit}:{path}")]).is_ok()
}

/// The folder of the package `bench` in a commit.
fn bench_folder(commit: &str) -> anyhow::Result<&'static str> {
    BENCH
        .into_iter()
        .find(|bench| is_in(commit, bench))
        .with_context(|| format!("{commit} has no package `bench`"))
}

/// How many files of these folders differ between a commit and this tree. A file that was only moved is the same.
fn differing_files(commit: &str, folders: &[&str]) -> anyhow::Result<usize> {
    let mut arguments = vec!["diff", "--name-status", "--find-renames", commit, "--"];
    arguments.extend(folders);
    Ok(git(&arguments)?.lines().filter(|line| !line.starts_with("R100")).count())
}

fn first_with_figures_after(id: &str, short: &str) -> anyhow::Result<String> {
    let range = format!("{id}..HEAD");
    let paths = BENCH.map(|bench| format!("{bench}/{FIGURES}"));
    let mut arguments = vec!["log", "--reverse", "--format=%H", "--diff-filter=A", &range, "--"];
    arguments.extend(paths.iter().map(String::as_str));
    let commits = git(&arguments)?;
    let Some(first) = commits.lines().next() else {
        bail!(
            "the `bench` of {short} writes no figures for programs, and no later commit of this branch has one that does"
        );
    };
    Ok(first.to_owned())
}

/// Writes a path of a commit into a folder.
fn extract(id: &str, path: &str, into: &Path) -> anyhow::Result<()> {
    let archive = into.with_extension("tar");
    let file = File::create(&archive).with_context(|| format!("making {}", archive.display()))?;
    let mut command = Command::new("git");
    command.args(["archive", "--format=tar", id, path]).current_dir(stack::checkout()).stdout(file);
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

/// Runs git in this checkout, and gives its output.
fn git(arguments: &[&str]) -> anyhow::Result<String> {
    let output =
        Command::new("git").args(arguments).current_dir(stack::checkout()).output().context("running git")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`git {}` failed: {}", arguments.join(" "), errors.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_commit_is_named_in_the_error() {
        let error = Commit::find("no-such-commit").err().unwrap();
        assert!(error.to_string().contains("no commit no-such-commit"), "{error}");
    }

    /// `bench` was at the top of the checkout in the commit that is compared with here, and is in `dev/` today.
    #[test]
    fn bench_is_found_in_both_layouts() {
        let first =
            git(&["log", "--reverse", "--format=%H", "--diff-filter=A", "--", "bench/src/figures.rs"]);
        // A shallow clone lacks it.
        let Some(old) = first.unwrap().lines().next().map(str::to_owned) else { return };
        assert_eq!(bench_folder(&old).unwrap(), "bench");
        assert!(Commit::find(&old).unwrap().measured_by.is_none());
    }

    #[test]
    fn an_option_is_not_the_name_of_a_commit() {
        assert!(Commit::find("--all").is_err());
    }
}
