//! `apt-get` with private folders: it reads the package sources of the machine and its list of installed packages, and
//! changes nothing on the machine. It needs no root.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::ToolsError;
use crate::log_tail::LogTail;

/// The private folder of `apt-get`.
#[derive(Debug)]
pub(super) struct Apt {
    folder: PathBuf,
    log: PathBuf,
}

/// A Debian mirror that the machine uses.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mirror {
    pub(super) uri: String,
    /// The keyring that its source names.
    pub(super) signed_by: Option<String>,
}

impl Apt {
    /// Uses the package sources of the machine.
    pub(super) fn with_machine_sources(folder: PathBuf, log: &Path) -> Result<Self, ToolsError> {
        Self::create(folder, log, "")
    }

    /// Uses only one release of a mirror.
    pub(super) fn with_release(
        folder: PathBuf,
        log: &Path,
        mirror: &Mirror,
        release: &str,
    ) -> Result<Self, ToolsError> {
        let mut source = format!("Types: deb\nURIs: {}\nSuites: {release}\nComponents: main\n", mirror.uri);
        if let Some(keyring) = &mirror.signed_by {
            source.push_str("Signed-By: ");
            source.push_str(keyring);
            source.push('\n');
        }
        fs::create_dir_all(&folder).map_err(ToolsError::io("making a folder for apt-get"))?;
        let path = folder.join("release.sources");
        fs::write(&path, source).map_err(ToolsError::io("writing a package source"))?;
        let settings =
            format!("Dir::Etc::sourcelist \"{}\";\nDir::Etc::sourceparts \"-\";\n", path.display());
        Self::create(folder, log, &settings)
    }

    /// Also downloads packages that are installed on the machine, such as libc.
    pub(super) fn without_installed(self) -> Result<Self, ToolsError> {
        let status = self.folder.join("status");
        fs::write(&status, "").map_err(ToolsError::io("writing an empty list of installed packages"))?;
        let path = self.folder.join("apt.conf");
        let doing = "writing a configuration for apt-get";
        let text = fs::read_to_string(&path).map_err(ToolsError::io(doing))?;
        let text = format!("{text}Dir::State::status \"{}\";\n", status.display());
        fs::write(&path, text).map_err(ToolsError::io(doing))?;
        Ok(self)
    }

    fn create(folder: PathBuf, log: &Path, settings: &str) -> Result<Self, ToolsError> {
        for part in ["lists/partial", "cache/archives/partial"] {
            let part = folder.join(part);
            fs::create_dir_all(part).map_err(ToolsError::io("making a folder for apt-get"))?;
        }
        let folder_text = folder.display();
        // Some images have hooks that clean the cache of the machine. They must not run.
        let text = format!(
            "Dir::State::lists \"{folder_text}/lists\";\n\
             Dir::Cache \"{folder_text}/cache\";\n\
             Debug::NoLocking \"true\";\n\
             APT::Sandbox::User \"root\";\n\
             APT::Get::Assume-Yes \"true\";\n\
             APT::Install-Recommends \"false\";\n\
             APT::Keep-Downloaded-Packages \"true\";\n\
             Acquire::Languages \"none\";\n\
             Acquire::Retries \"3\";\n\
             #clear APT::Update::Pre-Invoke;\n\
             #clear APT::Update::Post-Invoke;\n\
             #clear APT::Update::Post-Invoke-Success;\n\
             #clear DPkg::Post-Invoke;\n\
             #clear Acquire::IndexTargets::deb::DEP-11;\n\
             {settings}"
        );
        fs::write(folder.join("apt.conf"), text)
            .map_err(ToolsError::io("writing a configuration for apt-get"))?;
        Ok(Self { folder, log: log.to_owned() })
    }

    /// Downloads the package lists. For `apt-get` a source that can't be reached is only a warning. The error comes when a
    /// package is missing.
    pub(super) fn update(&self) -> Result<(), ToolsError> {
        let mut command = self.command("apt-get");
        command.arg("update");
        self.run(command)
    }

    /// Whether the sources have a package.
    pub(super) fn knows(&self, package: &str) -> Result<bool, ToolsError> {
        let output = self
            .command("apt-cache")
            .args(["policy", package])
            .output()
            .map_err(ToolsError::io("running apt-cache"))?;
        let policy = String::from_utf8_lossy(&output.stdout);
        Ok(policy.lines().any(|line| {
            line.trim().strip_prefix("Candidate:").is_some_and(|candidate| candidate.trim() != "(none)")
        }))
    }

    /// The Debian mirror among the sources.
    pub(super) fn debian_mirror(&self) -> Result<Option<Mirror>, ToolsError> {
        let format = "$(ORIGIN)|$(LABEL)|$(SITE)|$(SIGNED_BY)";
        let output = self
            .command("apt-get")
            .args(["indextargets", "--format", format, "Created-By: Packages"])
            .output()
            .map_err(ToolsError::io("running apt-get"))?;
        Ok(find_mirror(&String::from_utf8_lossy(&output.stdout)))
    }

    /// Downloads packages into a folder, with those that they depend on and the machine lacks.
    pub(super) fn download_with_dependencies(
        &self,
        packages: &[&str],
        into: &Path,
    ) -> Result<Vec<PathBuf>, ToolsError> {
        fs::create_dir_all(into.join("partial")).map_err(ToolsError::io("making a folder for packages"))?;
        let mut command = self.command("apt-get");
        command.arg("-o").arg(format!("Dir::Cache::archives={}", into.display()));
        // `--reinstall`: the machine may have the package, but with a program that is too old.
        command.args(["install", "--download-only", "--reinstall"]).args(packages);
        self.run(command)?;
        packages_in(into)
    }

    /// Downloads packages into a folder, without their dependencies.
    pub(super) fn download(&self, packages: &[&str], into: &Path) -> Result<Vec<PathBuf>, ToolsError> {
        fs::create_dir_all(into).map_err(ToolsError::io("making a folder for packages"))?;
        let mut command = self.command("apt-get");
        command.current_dir(into).arg("download").args(packages);
        self.run(command)?;
        packages_in(into)
    }

    /// Unpacks a package without running its scripts.
    pub(super) fn unpack(&self, package: &Path, into: &Path) -> Result<(), ToolsError> {
        let mut command = Command::new("dpkg-deb");
        command.arg("--extract").arg(package).arg(into);
        self.run(command)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("LC_ALL", "C").env("DEBIAN_FRONTEND", "noninteractive");
        command.arg("--config-file").arg(self.folder.join("apt.conf"));
        command
    }

    fn run(&self, mut command: Command) -> Result<(), ToolsError> {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(ToolsError::io(format!("opening {}", self.log.display())))?;
        let errors = log.try_clone().map_err(ToolsError::io("sharing a log"))?;
        let words: Vec<_> = std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        let words = words.join(" ");
        let status = command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .status()
            .map_err(ToolsError::io(format!("running {words}")))?;
        if status.success() {
            Ok(())
        } else {
            Err(ToolsError::Command { command: words, status, log: LogTail::of(&self.log) })
        }
    }
}

fn packages_in(folder: &Path) -> Result<Vec<PathBuf>, ToolsError> {
    let list = || -> std::io::Result<Vec<PathBuf>> {
        let paths: Vec<PathBuf> =
            fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
        Ok(paths.into_iter().filter(|path| path.extension() == Some(OsStr::new("deb"))).collect())
    };
    list().map_err(ToolsError::io("listing the downloaded packages"))
}

/// Finds the main archive of Debian in lines of `origin|label|site|keyring`. The security archive has the same origin,
/// another label, and fewer packages.
fn find_mirror(targets: &str) -> Option<Mirror> {
    targets.lines().find_map(|line| {
        let fields: Vec<&str> = line.split('|').collect();
        let ["Debian", "Debian", site, signed_by] = fields[..] else { return None };
        // `apt-get` prints the name of a field that the source does not have.
        let signed_by = (!signed_by.is_empty() && !signed_by.starts_with("$(")).then(|| signed_by.to_owned());
        Some(Mirror { uri: site.to_owned(), signed_by })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_the_main_archive_of_the_machine() {
        let targets = "Debian|Debian-Security|http://mirror.example/debian-security|/usr/share/keyrings/a.gpg\n\
                       Other|Other|https://elsewhere.example/apt|$(SIGNED_BY)\n\
                       Debian|Debian|http://mirror.example/debian|$(SIGNED_BY)\n";
        let mirror = Mirror { uri: "http://mirror.example/debian".to_owned(), signed_by: None };
        assert_eq!(find_mirror(targets), Some(mirror));
    }

    #[test]
    fn the_keyring_of_the_mirror_is_kept() {
        let targets = "Debian|Debian|http://mirror.example/debian|/usr/share/keyrings/debian.gpg\n";
        assert_eq!(find_mirror(targets).unwrap().signed_by.unwrap(), "/usr/share/keyrings/debian.gpg");
    }

    #[test]
    fn a_machine_without_debian_sources_has_no_mirror() {
        assert_eq!(find_mirror("Ubuntu|Ubuntu|http://mirror.example/ubuntu|$(SIGNED_BY)\n"), None);
    }
}
