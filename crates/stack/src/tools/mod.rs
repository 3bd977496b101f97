//! The servers' programs: found on the machine, or fetched into `.dalkom/tools`.
//!
//! What is on the `PATH` (or in the `sbin` folders, which are often not on it) is used if it is new enough.
//! What is missing comes from the distribution's own packages, unpacked into a folder of the checkout. Nothing
//! is installed: installing would need root, would start the packages' services beside the machine's own, and
//! would outlive the checkout.

mod apt;
mod debian;
mod error;
mod version;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use self::error::ToolsError;
pub(crate) use self::version::Version;
use crate::home::Home;
use crate::progress::Progress;

/// Where servers are installed, often outside of an ordinary user's `PATH`.
const SERVER_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// What can be looked for, and what brings it where it is missing.
#[derive(Debug)]
struct Wanted {
    /// The part of the stack that it is for, and its folder under `.dalkom/tools`.
    part: &'static str,
    /// For people.
    title: &'static str,
    /// What its program may be called, best first.
    programs: &'static [&'static str],
    /// The argument that makes it print its version.
    version_arg: &'static str,
    /// What is too old, and why it is told from the version's text.
    new_enough: fn(&Version) -> bool,
    /// The Debian packages that hold it.
    packages: &'static [&'static str],
}

const DATABASE: Wanted = Wanted {
    part: "mariadb",
    title: "MariaDB 10.11+ or MySQL 8.4+",
    programs: &["mariadbd", "mysqld"],
    version_arg: "--version",
    new_enough: |version| version.is_at_least(if version.is_mariadb() { (10, 11) } else { (8, 4) }),
    packages: &["mariadb-server-core", "mariadb-client-core"],
};

const REDIS: Wanted = Wanted {
    part: "redis",
    title: "Redis 6.2+",
    programs: &["redis-server"],
    version_arg: "--version",
    new_enough: |version| version.is_at_least((6, 2)),
    packages: &["redis-server", "redis-tools"],
};

const CONSUL: Wanted = Wanted {
    part: "consul",
    title: "Consul 1.8+",
    programs: &["consul"],
    version_arg: "version",
    new_enough: |version| version.is_at_least((1, 8)),
    packages: &["consul"],
};

/// A program that can be run.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    /// What it needs in its environment to find its own libraries.
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) version: Version,
    /// The folder it was unpacked into, if it was.
    pub(crate) unpacked: Option<PathBuf>,
}

/// The servers' programs.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    pub(crate) database: Program,
    pub(crate) redis: Program,
    pub(crate) consul: Program,
}

impl Tools {
    /// Finds all programs, and fetches those that are missing, saying so first.
    pub(crate) fn find_or_fetch(home: &Home, progress: &dyn Progress) -> Result<Self, ToolsError> {
        let folder = home.tools();
        let missing: Vec<&Wanted> = [&DATABASE, &REDIS, &CONSUL]
            .into_iter()
            .filter(|wanted| wanted.find(&folder).is_none())
            .collect();
        if !missing.is_empty() {
            debian::fetch(&missing, home, progress)?;
        }
        Ok(Self {
            database: DATABASE.found(&folder)?,
            redis: REDIS.found(&folder)?,
            consul: CONSUL.found(&folder)?,
        })
    }
}

impl Wanted {
    fn found(&self, tools: &Path) -> Result<Program, ToolsError> {
        self.find(tools).ok_or(ToolsError::StillMissing { title: self.title })
    }

    /// On the machine, or fetched earlier.
    fn find(&self, tools: &Path) -> Option<Program> {
        self.on_machine().or_else(|| self.unpacked_in(&tools.join(self.part)))
    }

    fn on_machine(&self) -> Option<Program> {
        self.programs
            .iter()
            .filter_map(|name| on_path(name))
            .find_map(|path| self.usable(path, Vec::new(), None))
    }

    fn unpacked_in(&self, folder: &Path) -> Option<Program> {
        let env = vec![(OsString::from("LD_LIBRARY_PATH"), library_path(folder))];
        self.programs
            .iter()
            .flat_map(|name| ["usr/sbin", "usr/bin"].map(|bin| folder.join(bin).join(name)))
            .filter(|path| path.is_file())
            .find_map(|path| self.usable(path, env.clone(), Some(folder.to_owned())))
    }

    /// The program with its version, if it runs and is new enough.
    fn usable(
        &self,
        path: PathBuf,
        env: Vec<(OsString, OsString)>,
        unpacked: Option<PathBuf>,
    ) -> Option<Program> {
        let output = Command::new(&path).arg(self.version_arg).envs(env.clone()).output().ok()?;
        let version = Version::read(&String::from_utf8_lossy(&output.stdout))?;
        (self.new_enough)(&version).then_some(Program { path, env, version, unpacked })
    }
}

/// A program of the machine.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SERVER_FOLDERS.map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

/// The folders of shared libraries in an unpacked tree: `usr/lib`, `usr/lib/x86_64-linux-gnu` and the like.
fn library_path(tree: &Path) -> OsString {
    let mut folders = Vec::new();
    for lib in [tree.join("usr/lib"), tree.join("lib")] {
        for entry in fs::read_dir(&lib).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().contains("-linux-") {
                folders.push(entry.path());
            }
        }
        folders.push(lib);
    }
    std::env::join_paths(folders).unwrap_or_default()
}
