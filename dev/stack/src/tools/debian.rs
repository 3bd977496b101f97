//! Fetching missing servers from the packages of Debian and its derivatives.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::apt::Apt;
use super::error::ToolsError;
use super::wanted::{Origin, Wanted, on_path};
use crate::home::Home;
use crate::progress::Progress;

/// Fetches missing programs, each into a folder of its own.
pub(super) fn fetch(missing: &[&Wanted], home: &Home, progress: &dyn Progress) -> Result<(), ToolsError> {
    let titles: Vec<&str> = missing.iter().map(|wanted| wanted.title).collect();
    if on_path("apt-get").is_none() || on_path("dpkg-deb").is_none() {
        return Err(ToolsError::NotDebian { missing: titles.join(", ") });
    }
    let tools = home.tools();
    progress.note(&format!(
        "Not on this machine: {}. apt-get fetches packages from the Debian mirror of this machine into {}. Nothing is \
         installed; `cargo xtask reset` removes them.",
        titles.join(", "),
        tools.display()
    ));

    let lock = File::create(tools.join("lock")).map_err(ToolsError::io("making a lock"))?;
    lock.lock().map_err(ToolsError::io("waiting for another stack that fetches"))?;
    let folder = tools.join("fetching");
    remove(&folder)?;
    let download = Download { folder: &folder, log: &home.log("fetch") };
    let apt = Apt::with_machine_sources(folder.join("machine"), download.log)?;
    apt.update()?;
    for wanted in missing {
        // Another process may have fetched it while we waited for the lock.
        if wanted.find(&tools).is_some() {
            continue;
        }
        let began = Instant::now();
        progress.begin(wanted.part, "fetching");
        let unpacked = download.unpack(&apt, wanted)?;
        // The folder gets its name last, when it is complete.
        let complete = tools.join(wanted.part);
        remove(&complete)?;
        fs::rename(&unpacked, &complete).map_err(ToolsError::io(format!("making {}", complete.display())))?;
        progress.ready(wanted.part, began.elapsed(), "fetched");
    }
    remove(&folder)
}

/// The folder for downloads, and the log.
struct Download<'a> {
    folder: &'a Path,
    log: &'a Path,
}

impl Download<'_> {
    /// Downloads and unpacks the packages of a program. Gives their folder.
    fn unpack(&self, apt: &Apt, wanted: &Wanted) -> Result<PathBuf, ToolsError> {
        let archives = self.folder.join("archives").join(wanted.part);
        let packages = match wanted.origin {
            Origin::WholeRelease(release) => {
                let whole = self.release(apt, wanted, release)?.without_installed()?;
                whole.update()?;
                whole.download_with_dependencies(wanted.packages, &archives)?
            }
            Origin::MachineOrRelease(release) if !apt.knows(wanted.packages[0])? => {
                let older = self.release(apt, wanted, release)?;
                older.update()?;
                older.download(wanted.packages, &archives)?
            }
            Origin::Machine | Origin::MachineOrRelease(_) => {
                apt.download_with_dependencies(wanted.packages, &archives)?
            }
        };
        let unpacked = self.folder.join("unpacked").join(wanted.part);
        fs::create_dir_all(&unpacked).map_err(ToolsError::io("making a folder for the packages"))?;
        for package in packages {
            apt.unpack(&package, &unpacked)?;
        }
        Ok(unpacked)
    }

    fn release(&self, apt: &Apt, wanted: &Wanted, release: &str) -> Result<Apt, ToolsError> {
        let mirror = apt.debian_mirror()?.ok_or(ToolsError::NoDebianSource { title: wanted.title })?;
        Apt::with_release(self.folder.join(release), self.log, &mirror, release)
    }
}

fn remove(folder: &Path) -> Result<(), ToolsError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(ToolsError::io(format!("removing {}", folder.display()))),
    }
}
