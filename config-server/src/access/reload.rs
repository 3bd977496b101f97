//! Takes over new passwords while the server runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;

use super::credentials::{Credentials, CredentialsError};

/// How often the file is read.
const EVERY: Duration = Duration::from_secs(2);
/// How long the file has to stay as it is before it counts. A writer needs some time.
const QUIET: Duration = Duration::from_millis(100);

/// The credentials file, and whether its latest content is used. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct CredentialsFile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// What was read last. It was used unless there is a fault.
    latest: Mutex<Latest>,
}

#[derive(Debug, Default)]
struct Latest {
    content: Option<SecretString>,
    fault: Option<Arc<CredentialsError>>,
}

impl CredentialsFile {
    /// Reads the file for the first time.
    pub(crate) fn open(path: &Path) -> Result<(Self, Credentials), CredentialsError> {
        let content = read(path)?;
        let credentials = Credentials::parse(path, content.expose_secret())?;
        let latest = Mutex::new(Latest { content: Some(content), fault: None });
        Ok((Self(Arc::new(Inner { path: path.to_owned(), latest })), credentials))
    }

    /// Whether the latest content is used.
    pub(crate) fn check(&self) -> Result<(), Arc<CredentialsError>> {
        let latest = self.0.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.fault.clone().map_or(Ok(()), Err)
    }

    /// Gives `replace` the credentials whenever the file has changed, until it is stopped. A file that can't be used changes nothing.
    pub(crate) async fn watch(self, replace: impl Fn(Credentials), stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
            let Some(first) = self.changed().await else { continue };
            tokio::time::sleep(QUIET).await;
            match self.changed().await {
                Some(second) if is_same(&first, &second) => self.take(second, &replace),
                _ => {}
            }
        }
    }

    /// What is in the file, if it is not what was read last.
    async fn changed(&self) -> Option<Result<SecretString, CredentialsError>> {
        let path = self.0.path.clone();
        let read = tokio::task::spawn_blocking(move || read(&path)).await.ok()?;
        let latest = self.0.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = match (&read, &latest.content) {
            (Ok(read), Some(known)) => read.expose_secret() == known.expose_secret(),
            (Err(_), None) => true,
            _ => false,
        };
        (!is_known).then_some(read)
    }

    fn take(&self, read: Result<SecretString, CredentialsError>, replace: &impl Fn(Credentials)) {
        let (content, parsed) = match read {
            Ok(content) => {
                let parsed = Credentials::parse(&self.0.path, content.expose_secret());
                (Some(content), parsed)
            }
            Err(error) => (None, Err(error)),
        };
        let fault = match parsed {
            Ok(credentials) => {
                tracing::info!(?credentials, "the credentials have changed");
                replace(credentials);
                None
            }
            Err(error) => {
                let reason = telemetry::chain(&error);
                tracing::error!(reason, "the new credentials can't be used; the old ones stay");
                Some(Arc::new(error))
            }
        };
        *self.0.latest.lock().unwrap_or_else(PoisonError::into_inner) = Latest { content, fault };
    }
}

fn read(path: &Path) -> Result<SecretString, CredentialsError> {
    let content = fs::read_to_string(path);
    content.map(SecretString::from).map_err(|source| CredentialsError::Read { path: path.to_owned(), source })
}

fn is_same(
    one: &Result<SecretString, CredentialsError>,
    other: &Result<SecretString, CredentialsError>,
) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => one.expose_secret() == other.expose_secret(),
        (Err(_), Err(_)) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::super::credentials::Caller;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn new_passwords_count_and_a_broken_file_changes_nothing() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "shop: first").unwrap();
        let (credentials, first) = CredentialsFile::open(file.path()).unwrap();
        assert!(matches!(first.authenticate("shop", "first"), Some(Caller::Application(_))));
        let (given, taken) = mpsc::channel();
        let stop = CancellationToken::new();
        let watch = credentials.clone().watch(move |new| given.send(new).unwrap(), stop.clone());
        let watching = tokio::spawn(watch);

        fs::write(file.path(), "shop: [broken").unwrap();
        while credentials.check().is_ok() {
            tokio::time::sleep(EVERY).await;
        }
        assert!(taken.try_recv().is_err(), "the old passwords stay");
        fs::remove_file(file.path()).unwrap();
        tokio::time::sleep(2 * EVERY).await;
        assert!(credentials.check().is_err());

        fs::write(file.path(), "shop: second").unwrap();
        while credentials.check().is_err() {
            tokio::time::sleep(EVERY).await;
        }
        let second = taken.try_recv().unwrap();
        assert_eq!(second.authenticate("shop", "first"), None);
        assert!(second.authenticate("shop", "second").is_some());
        stop.cancel();
        watching.await.unwrap();
        assert!(taken.try_recv().is_err(), "one change is taken once");
    }
}
