//! A git repository, made by git itself.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A repository with a working directory.
pub(crate) struct Origin {
    folder: TempDir,
}

impl Origin {
    /// An empty repository whose first branch is `main`.
    pub(crate) fn new() -> Self {
        let origin = Self { folder: tempfile::tempdir().unwrap() };
        origin.git(&["init", "--quiet", "--initial-branch=main"]);
        origin
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command of git, and gives what it prints.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(self.path())
            // Nothing of the machine counts.
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .expect("git is installed");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Commits files to the current branch, and gives the id of the commit.
    pub(crate) fn commit(&self, files: &[(&str, &str)]) -> String {
        for (path, content) in files {
            self.write(path, content);
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "change"]);
        self.git(&["rev-parse", "HEAD"])
    }
}
