//! The programs that the stack needs: which ones, where they can come from, and finding them.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::ToolsError;
use super::version::Version;
use crate::launch::Launch;

/// Folders of servers that are often not on the `PATH` of a user.
const SERVER_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// A program that the stack needs, and where it can come from.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Its part of the stack, and its folder under `.dalkom/tools`.
    pub(super) part: &'static str,
    /// Its name for people.
    pub(super) title: &'static str,
    /// The possible names of the program, the best one first.
    programs: &'static [&'static str],
    /// The argument that makes it print its version.
    version_arg: &'static str,
    /// Whether a version is new enough.
    new_enough: fn(&Version) -> bool,
    /// The Debian packages that have it.
    pub(super) packages: &'static [&'static str],
    pub(super) origin: Origin,
}

/// Where packages come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin {
    /// The package sources of the machine, with the libraries that the machine lacks.
    Machine,
    /// The same, or a Debian release if they have no such package. For a program that needs no libraries.
    MachineOrRelease(&'static str),
    /// A Debian release that is newer than the machine, with all libraries and their loader.
    WholeRelease(&'static str),
}

pub(super) const MARIADB: Wanted = Wanted {
    part: "mariadb",
    title: "MariaDB 10.11+ or MySQL 8.4+",
    programs: &["mariadbd", "mysqld"],
    version_arg: "--version",
    new_enough: |version| version.is_at_least(if version.is_mariadb() { (10, 11) } else { (8, 4) }),
    packages: &["mariadb-server-core", "mariadb-client-core"],
    origin: Origin::Machine,
};

pub(super) const MYSQL: Wanted = Wanted {
    part: "mysql",
    title: "MySQL 8.4+",
    programs: &["mysqld"],
    version_arg: "--version",
    // The packages of MariaDB have a server of this name, too.
    new_enough: |version| !version.is_mariadb() && version.is_at_least((8, 4)),
    packages: &["mysql-server-core"],
    origin: Origin::WholeRelease("sid"),
};

pub(super) const REDIS: Wanted = Wanted {
    part: "redis",
    title: "Redis 6.2+",
    programs: &["redis-server"],
    version_arg: "--version",
    new_enough: |version| version.is_at_least((6, 2)),
    packages: &["redis-server", "redis-tools"],
    origin: Origin::Machine,
};

pub(super) const CONSUL: Wanted = Wanted {
    part: "consul",
    title: "Consul 1.8+",
    programs: &["consul"],
    version_arg: "version",
    new_enough: |version| version.is_at_least((1, 8)),
    packages: &["consul"],
    // The last release that has it. It runs on newer releases.
    origin: Origin::MachineOrRelease("bullseye"),
};

/// The load generator of `bench gateway`.
pub(super) const WRK: Wanted = Wanted {
    part: "wrk",
    title: "wrk 4",
    programs: &["wrk"],
    version_arg: "-v",
    new_enough: |version| version.is_at_least((4, 0)),
    packages: &["wrk"],
    origin: Origin::Machine,
};

/// The upstream of `bench gateway`, and a peer of the gateway.
pub(super) const NGINX: Wanted = Wanted {
    part: "nginx",
    title: "nginx 1.18+",
    programs: &["nginx"],
    version_arg: "-v",
    new_enough: |version| version.is_at_least((1, 18)),
    packages: &["nginx"],
    origin: Origin::Machine,
};

/// A peer of the gateway.
pub(super) const HAPROXY: Wanted = Wanted {
    part: "haproxy",
    title: "HAProxy 2.2+",
    programs: &["haproxy"],
    version_arg: "-v",
    new_enough: |version| version.is_at_least((2, 2)),
    packages: &["haproxy"],
    origin: Origin::Machine,
};

/// A program that can be run.
#[derive(Clone, Debug)]
pub struct Program {
    pub(crate) path: PathBuf,
    /// Arguments before its own, if the loader starts it.
    pub(crate) args: Vec<OsString>,
    /// The environment variables by which it finds its libraries.
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) version: Version,
    /// The folder that it was unpacked into, if it was fetched.
    pub(crate) unpacked: Option<PathBuf>,
}

impl Program {
    /// A command with this program, for one who starts it without a stack.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.args).envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The first two numbers of its version.
    pub fn version(&self) -> String {
        self.version.numbers()
    }

    /// The command of a part with this program.
    pub(crate) fn launch(&self, part: &str) -> Launch {
        Launch::new(part, &self.path).args(self.args.iter().cloned()).envs(&self.env)
    }
}

impl Wanted {
    pub(super) fn found(&self, tools: &Path) -> Result<Program, ToolsError> {
        self.find(tools).ok_or(ToolsError::StillMissing { title: self.title })
    }

    /// The program on the machine, or one that was fetched before.
    pub(super) fn find(&self, tools: &Path) -> Option<Program> {
        self.on_machine().or_else(|| self.unpacked_in(&tools.join(self.part)))
    }

    fn on_machine(&self) -> Option<Program> {
        self.programs
            .iter()
            .filter_map(|name| on_path(name))
            .find_map(|path| self.usable(Start { path, args: Vec::new(), env: Vec::new() }, None))
    }

    fn unpacked_in(&self, folder: &Path) -> Option<Program> {
        self.programs
            .iter()
            .flat_map(|name| ["usr/sbin", "usr/bin"].map(|bin| folder.join(bin).join(name)))
            .filter(|path| path.is_file())
            .find_map(|path| self.usable(Start::unpacked(path, folder), Some(folder.to_owned())))
    }

    /// The program with its version, if it runs and is new enough.
    fn usable(&self, start: Start, unpacked: Option<PathBuf>) -> Option<Program> {
        let Start { path, args, env } = start;
        let output = Command::new(&path).args(&args).arg(self.version_arg).envs(env.clone()).output().ok()?;
        // nginx prints its version as an error.
        let printed = [output.stdout, output.stderr].concat();
        let version = Version::read(&String::from_utf8_lossy(&printed))?;
        (self.new_enough)(&version).then_some(Program { path, args, env, version, unpacked })
    }
}

/// How a program is started.
struct Start {
    path: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
}

impl Start {
    /// A program of an unpacked tree, with the tree's libraries.
    fn unpacked(program: PathBuf, tree: &Path) -> Self {
        let folders = library_folders(tree);
        let libraries = std::env::join_paths(&folders).unwrap_or_default();
        match loader(&folders) {
            // A libc works only with its own loader, and the program names that of the machine.
            Some(path) => {
                let args = vec!["--library-path".into(), libraries, program.into_os_string()];
                Self { path, args, env: Vec::new() }
            }
            None => {
                Self { path: program, args: Vec::new(), env: vec![("LD_LIBRARY_PATH".into(), libraries)] }
            }
        }
    }
}

/// A program on the machine.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SERVER_FOLDERS.map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

/// The folders of shared libraries in an unpacked tree: `usr/lib`, `usr/lib/x86_64-linux-gnu` and the like.
fn library_folders(tree: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for lib in [tree.join("usr/lib"), tree.join("lib")] {
        for entry in fs::read_dir(&lib).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().contains("-linux-") {
                folders.push(entry.path());
            }
        }
        folders.push(lib);
    }
    folders
}

/// The dynamic loader among the libraries, if there is one: `ld-linux-x86-64.so.2`.
fn loader(folders: &[PathBuf]) -> Option<PathBuf> {
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
    files.map(|file| file.path()).find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("ld-linux") && path.is_file()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        for file in files {
            let file = tree.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        }
        tree
    }

    #[test]
    fn a_tree_with_a_libc_of_its_own_is_run_by_its_own_loader() {
        const LOADER: &str = "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2";
        let tree = tree(&["usr/sbin/mysqld", LOADER]);
        let program = tree.path().join("usr/sbin/mysqld");

        let start = Start::unpacked(program.clone(), tree.path());

        assert_eq!(start.path, tree.path().join(LOADER));
        assert_eq!(start.args.first().unwrap(), "--library-path");
        assert_eq!(start.args.last().unwrap(), program.as_os_str());
        assert!(start.env.is_empty());
    }

    #[test]
    fn a_tree_without_one_is_run_by_the_machine() {
        let tree = tree(&["usr/sbin/mariadbd", "usr/lib/x86_64-linux-gnu/liburing.so.2"]);
        let program = tree.path().join("usr/sbin/mariadbd");

        let start = Start::unpacked(program.clone(), tree.path());

        assert_eq!(start.path, program);
        assert!(start.args.is_empty());
        assert_eq!(start.env[0].0, "LD_LIBRARY_PATH");
    }
}
