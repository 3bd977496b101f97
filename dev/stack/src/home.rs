//! The folders of a stack.
//!
//! A lasting stack uses `.dalkom` of its checkout. A throw-away stack has a folder of its own under `.dalkom/throwaway`,
//! and its data in memory if there is room. A helper process removes its files, also when the stack's process is killed.
//! Only the logs stay, until the next throw-away stack starts.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::statvfs::statvfs;

use crate::error::StackError;

const SHARED_MEMORY: &str = "/dev/shm";
/// A throw-away stack has its data in memory if at least this number of bytes is free there.
const ROOM_WANTED: u64 = 2 * 1024 * 1024 * 1024;

/// The folder with the workspace's Cargo.toml: of the checkout that this program was built in.
pub fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this crate is in dev/ of the workspace")
}

/// What a stack is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Its data stays. It uses standard ports if they are free. There is one for each checkout.
    Lasting,
    /// Its data is removed when it stops. Nothing waits for the disk. Any number can run.
    Throwaway,
    /// As [`Purpose::Throwaway`], but the servers wait for the disk, as in operation. For benchmarks.
    Measured,
}

/// The folders of one stack.
#[derive(Clone, Debug)]
pub struct Home {
    purpose: Purpose,
    checkout: PathBuf,
    root: PathBuf,
    data: PathBuf,
}

impl Home {
    /// The folders of the checkout's one lasting stack. Creates nothing.
    pub fn lasting(checkout: &Path) -> Self {
        let root = checkout.join(".dalkom");
        Self { purpose: Purpose::Lasting, checkout: checkout.to_owned(), data: root.join("data"), root }
    }

    /// Folders for a new throw-away stack. Creates nothing.
    pub fn throwaway(checkout: &Path) -> Self {
        let (name, root) = temporary_root(checkout);
        let data = if room_in_memory() {
            Path::new(SHARED_MEMORY).join(format!("dalkom-{name}"))
        } else {
            root.join("data")
        };
        Self { purpose: Purpose::Throwaway, checkout: checkout.to_owned(), root, data }
    }

    /// Folders for a new stack that is measured. Creates nothing.
    pub fn measured(checkout: &Path) -> Self {
        let (_, root) = temporary_root(checkout);
        Self { purpose: Purpose::Measured, checkout: checkout.to_owned(), data: root.join("data"), root }
    }

    /// What the stack is for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The settings that are in git.
    pub(crate) fn checked_in_config(&self) -> PathBuf {
        self.checkout.join("config")
    }

    /// The fetched programs. All stacks of the checkout share them.
    pub fn tools(&self) -> PathBuf {
        self.checkout.join(".dalkom/tools")
    }

    /// The servers' data.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Keys and passwords, which only their owner can read.
    pub fn secrets(&self) -> PathBuf {
        self.root.join("secrets")
    }

    /// The settings that each start writes.
    pub fn config(&self) -> PathBuf {
        self.root.join("config")
    }

    /// One log for each part.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// The log of one part.
    pub fn log(&self, part: &str) -> PathBuf {
        self.logs().join(format!("{part}.log"))
    }

    /// Process ids, sockets and the lock.
    pub(crate) fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// The programs of the running instances.
    pub(crate) fn programs(&self) -> PathBuf {
        self.root.join("programs")
    }

    /// Creates the folders that are missing.
    pub(crate) fn create(&self) -> Result<(), StackError> {
        for (folder, mode) in [
            (self.tools(), 0o755),
            (self.logs(), 0o755),
            (self.run(), 0o755),
            (self.config(), 0o700),
            (self.secrets(), 0o700),
            (self.data.clone(), 0o700),
        ] {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(mode)
                .create(&folder)
                .map_err(StackError::io(format!("making {}", folder.display())))?;
        }
        Ok(())
    }

    /// The folders that are removed when a throw-away stack ends: all but its logs.
    pub(crate) fn temporary_folders(&self) -> Vec<PathBuf> {
        vec![self.data.clone(), self.secrets(), self.config(), self.run(), self.programs()]
    }

    /// Removes all folders of throw-away stacks whose process is gone.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        sweep_folder(&self.checkout.join(".dalkom/throwaway"), "")?;
        sweep_folder(Path::new(SHARED_MEMORY), "dalkom-")
    }
}

/// The name and the root folder of a new throw-away stack of this process.
fn temporary_root(checkout: &Path) -> (String, PathBuf) {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let name = format!("{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    let root = checkout.join(".dalkom/throwaway").join(&name);
    (name, root)
}

/// Removes the folders `{prefix}{pid}-{n}` of processes that do not run any more. The folders of other users stay.
fn sweep_folder(folder: &Path, prefix: &str) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if owner(&entry.file_name().to_string_lossy(), prefix)
            .is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists())
        {
            match fs::remove_dir_all(entry.path()) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                done => done?,
            }
        }
    }
    Ok(())
}

fn owner(folder: &str, prefix: &str) -> Option<u32> {
    let (pid, count) = folder.strip_prefix(prefix)?.split_once('-')?;
    count.parse::<u32>().ok()?;
    pid.parse().ok()
}

fn room_in_memory() -> bool {
    statvfs(SHARED_MEMORY).is_ok_and(|room| {
        let free = room.blocks_available().saturating_mul(room.fragment_size());
        free >= ROOM_WANTED
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_dead_processes_are_swept() {
        let checkout = tempfile::tempdir().unwrap();
        let throwaway = checkout.path().join(".dalkom/throwaway");
        let dead = throwaway.join("4194305-0"); // beyond the kernel's largest process id
        let alive = throwaway.join(format!("{}-7", std::process::id()));
        let unrelated = throwaway.join("notes");
        for folder in [&dead, &alive, &unrelated] {
            fs::create_dir_all(folder.join("logs")).unwrap();
        }

        Home::throwaway(checkout.path()).sweep().unwrap();

        assert!(!dead.exists());
        assert!(alive.exists());
        assert!(unrelated.exists());
    }

    #[test]
    fn two_throwaway_homes_share_only_the_tools() {
        let checkout = Path::new("/checkout");
        let (one, other) = (Home::throwaway(checkout), Home::throwaway(checkout));
        assert_ne!(one.data(), other.data());
        assert_ne!(one.secrets(), other.secrets());
        assert_eq!(one.tools(), other.tools());
    }
}
