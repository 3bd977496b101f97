//! The lock that allows one lasting stack for each checkout, and the addresses of that stack.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::StackError;
use crate::home::Home;

/// What other processes can read about the stack that holds the lock.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Running {
    /// The process that holds it.
    pub pid: u32,
    /// The address of its gateway.
    pub gateway: String,
    /// The address of its config-server.
    pub config_server: String,
    /// The programs of its services.
    pub(crate) programs: BTreeMap<String, PathBuf>,
}

/// Held as long as a lasting stack runs. The kernel releases it when its process ends.
#[derive(Debug)]
pub(crate) struct CheckoutLock {
    file: File,
    path: PathBuf,
}

impl CheckoutLock {
    pub(crate) fn acquire(home: &Home) -> Result<Self, StackError> {
        let path = home.lock();
        let mut file = open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(already_up(&mut file)),
            Err(TryLockError::Error(source)) => {
                return Err(StackError::Io { doing: format!("locking {}", path.display()), source });
            }
        }
        let lock = Self { file, path };
        lock.write(&serde_json::json!({ "pid": std::process::id() }))?;
        Ok(lock)
    }

    /// Publishes the addresses of the stack, when it is ready.
    pub(crate) fn publish(&self, running: &Running) -> Result<(), StackError> {
        self.write(&serde_json::json!(running))
    }

    fn write(&self, text: &serde_json::Value) -> Result<(), StackError> {
        let doing = format!("writing {}", self.path.display());
        let mut file = &self.file;
        file.rewind()
            .and_then(|()| file.set_len(0))
            .and_then(|()| writeln!(file, "{text}"))
            .map_err(StackError::io(doing))
    }
}

/// The lasting stack of a checkout, if one runs and is ready.
pub fn running(checkout: &Path) -> Result<Option<Running>, StackError> {
    let path = Home::lasting(checkout).lock();
    if !path.exists() {
        return Ok(None);
    }
    let mut file = open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => {
            match read(&mut file).and_then(|text| serde_json::from_str(&text).ok()) {
                Some(running) => Ok(Some(running)),
                None => Err(already_up(&mut file)),
            }
        }
        Err(TryLockError::Error(source)) => {
            Err(StackError::Io { doing: format!("locking {}", path.display()), source })
        }
    }
}

fn open(path: &Path) -> Result<File, StackError> {
    File::options()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .open(path)
        .map_err(StackError::io(format!("opening {}", path.display())))
}

fn read(file: &mut File) -> Option<String> {
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).ok()?;
    Some(text)
}

fn already_up(file: &mut File) -> StackError {
    let note: serde_json::Value =
        read(file).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let pid = note["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default();
    let gateway = note["gateway"].as_str().unwrap_or("not ready yet").to_owned();
    StackError::AlreadyUp { pid, gateway }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let checkout = tempfile::tempdir().unwrap();
        let home = Home::lasting(checkout.path());
        home.create().unwrap();
        (checkout, home)
    }

    #[test]
    fn the_error_of_a_second_stack_says_where_the_first_is() {
        let (checkout, home) = home();
        let lock = CheckoutLock::acquire(&home).unwrap();
        lock.publish(&Running {
            pid: std::process::id(),
            gateway: "http://127.0.0.1:8080".to_owned(),
            config_server: "http://127.0.0.1:8888".to_owned(),
            programs: BTreeMap::new(),
        })
        .unwrap();

        let error = CheckoutLock::acquire(&home).unwrap_err().to_string();

        assert!(error.contains("http://127.0.0.1:8080"), "{error}");
        assert!(error.contains(&std::process::id().to_string()), "{error}");
        assert_eq!(running(checkout.path()).unwrap().unwrap().gateway, "http://127.0.0.1:8080");
    }

    #[test]
    fn the_lock_of_a_stack_that_is_gone_is_free() {
        let (checkout, home) = home();
        drop(CheckoutLock::acquire(&home).unwrap());

        assert!(running(checkout.path()).unwrap().is_none());
        CheckoutLock::acquire(&home).unwrap();
    }
}
