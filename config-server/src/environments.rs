//! The environment of an application: its files, with opened values.

use std::fmt::Write as _;

use sealing::Sealed;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use settings::environment::{UNOPENED, UNOPENED_PREFIX};
use settings::{Environment, PropertySource};
use sha2::{Digest as _, Sha256};

use crate::keyring::Keyring;
use crate::repository::{Query, Repository, RepositoryError};

/// Makes environments from files and keys.
#[derive(Debug)]
pub struct Environments {
    repository: Repository,
    keyring: Keyring,
}

impl Environments {
    /// Takes the files, and the keys that open their sealed values.
    pub fn new(repository: Repository, keyring: Keyring) -> Self {
        Self { repository, keyring }
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Reads the files, and makes the environment.
    ///
    /// Its version is a digest of the files with their sealed values, and not of the opened values, so it may be shown and
    /// logged. A value that can't be opened is logged, and appears as in Spring: `invalid.KEY: <n/a>`.
    pub fn read(&self, query: &Query) -> Result<Environment, RepositoryError> {
        let files = self.repository.read(query)?;
        let mut digest = Sha256::new();
        let mut property_sources = Vec::with_capacity(files.len());
        for file in files {
            digest.update(file.source.name.as_bytes());
            digest.update([0]);
            digest.update(Sha256::digest(&file.content));
            let opened = self.open(file.source);
            // The version changes when a missing key is installed, although the files are the same.
            for key in opened.source.keys().filter(|key| key.starts_with(UNOPENED_PREFIX)) {
                digest.update(key.as_bytes());
            }
            property_sources.push(opened);
        }
        Ok(Environment {
            name: query.application.to_string(),
            profiles: query.profiles.as_slice().iter().map(ToString::to_string).collect(),
            label: query.label.as_ref().map(ToString::to_string),
            version: Some(hexadecimal(&digest.finalize())),
            state: None,
            property_sources,
        })
    }

    fn open(&self, sealed: PropertySource) -> PropertySource {
        let PropertySource { name, source } = sealed;
        let entries = source.into_iter().map(|(key, value)| match value {
            Value::String(text) if Sealed::is_marked(&text) => match self.keyring.open(&text) {
                Ok(opened) => (key, Value::from(opened.expose_secret())),
                Err(error) => {
                    let reason = telemetry::chain(&error);
                    tracing::error!(source = %name, key, reason, "a sealed value can't be opened");
                    (format!("{UNOPENED_PREFIX}{key}"), Value::from(UNOPENED))
                }
            },
            plain => (key, plain),
        });
        let source = entries.collect();
        PropertySource { name, source }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use sealing::OpeningKey;
    use testkit::CapturedLog;

    use super::*;

    fn key() -> OpeningKey {
        OpeningKey::generate("dalkom".parse().unwrap())
    }

    fn environments(folder: &tempfile::TempDir, keys: Vec<OpeningKey>) -> Environments {
        Environments::new(Repository::new(vec![folder.path().to_owned()]), Keyring::new(keys).unwrap())
    }

    fn query() -> Query {
        Query {
            application: "shop".to_owned().try_into().unwrap(),
            profiles: "default".to_owned().try_into().unwrap(),
            label: None,
        }
    }

    #[test]
    fn a_value_that_can_not_be_opened_is_logged_by_its_key_and_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let sealed = key().sealing_key().seal("hunter2").unwrap().to_string();
        fs::write(folder.path().join("shop.yml"), format!("database: {{password: '{sealed}'}}")).unwrap();
        let log = CapturedLog::default();
        let writer = log.clone();
        let subscriber =
            telemetry::subscriber("config-server", telemetry::LogFormat::Text, "info", move || {
                writer.clone()
            });

        // For all threads: if another test logs this line without a subscriber first, tracing caches that nobody listens.
        tracing::subscriber::set_global_default(subscriber.unwrap()).unwrap();
        environments(&folder, vec![key()]).read(&query()).unwrap();

        let logged = log.text();
        for part in ["ERROR", "database.password", "shop.yml", "altered, or sealed with another key"] {
            assert!(logged.contains(part), "{part} in {logged}");
        }
        assert!(!logged.contains(&sealed), "{logged}");
    }

    #[test]
    fn the_version_changes_when_a_value_can_be_opened() {
        let folder = tempfile::tempdir().unwrap();
        let key = key();
        let sealed = key.sealing_key().seal("hunter2").unwrap();
        fs::write(folder.path().join("shop.yml"), format!("password: '{sealed}'")).unwrap();
        let without_key = environments(&folder, Vec::new());
        let with_key = environments(&folder, vec![key]);

        let opened = with_key.read(&query()).unwrap();

        assert_eq!(opened.version, with_key.read(&query()).unwrap().version);
        assert_ne!(opened.version, without_key.read(&query()).unwrap().version);
    }
}
