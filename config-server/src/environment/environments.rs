//! Makes environments from the snapshot, and opens sealed values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use indexmap::IndexMap;
use sealing::Sealed;
use secrecy::ExposeSecret as _;
use settings::environment::{UNOPENED, UNOPENED_PREFIX};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::answer::{Environment, Served, Source};
use crate::access::Ownership;
use crate::format::{Document, Scalar};
use crate::names::{Applications, Label, Name, NameError, Profiles};
use crate::repository::{
    BrokenFile, Changes, File, Files, RepositoryError, Request, View, directories_of, sources,
};
use crate::sealing::Keyring;

/// The name of the source with the overrides. Spring's clients look for it.
const OVERRIDES: &str = "overrides";
const OVERRIDES_ORIGIN: &str = "Config server overrides";

/// Makes environments from files and keys.
#[derive(Debug)]
pub struct Environments {
    files: Files,
    keyring: Keyring,
    options: Options,
}

/// How settings are served.
#[derive(Clone, Debug)]
pub struct Options {
    /// The label of a request without one.
    pub default_label: String,
    /// Whether an application without files gets an answer without sources. Otherwise it gets 404.
    pub accept_empty: bool,
    /// Settings that win over all files.
    pub overrides: BTreeMap<String, String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { default_label: "master".to_owned(), accept_empty: true, overrides: BTreeMap::new() }
    }
}

/// A request for settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub(crate) applications: Applications,
    pub(crate) profiles: Profiles,
    pub(crate) label: Option<Label>,
}

/// Why settings are not served.
#[derive(Debug, Error)]
pub enum EnvironmentError {
    /// The files can't be served.
    #[error(transparent)]
    Repository(#[from] Arc<RepositoryError>),
    /// A file of the application can't be used.
    #[error(transparent)]
    Broken(#[from] BrokenFile),
    /// The git repository does not have the label.
    #[error("the git repository has no such branch, tag or commit")]
    NoLabel,
    /// The application has no files.
    #[error("there are no settings for this application, these profiles and this label")]
    Empty,
}

/// A file that is served as it is, or with placeholders filled in.
pub(crate) struct PlainFile {
    pub(crate) content: Arc<[u8]>,
}

impl Query {
    /// A request for one or several applications.
    pub fn new(applications: &str, profiles: &str, label: Option<&str>) -> Result<Self, NameError> {
        Ok(Self {
            applications: applications.to_owned().try_into()?,
            profiles: profiles.to_owned().try_into()?,
            label: label.map(|label| label.to_owned().try_into()).transpose()?,
        })
    }
}

impl Environments {
    /// Takes the files, and the keys that open their sealed values.
    pub fn new(files: impl Into<Files>, keyring: Keyring) -> Self {
        Self { files: files.into(), keyring, options: Options::default() }
    }

    /// Sets how settings are served.
    #[must_use]
    pub fn with_options(self, options: Options) -> Self {
        Self { options, ..self }
    }

    /// Tells when other files are served.
    pub(crate) fn changes(&self) -> Changes {
        self.files.changes()
    }

    /// Looks for changes as soon as possible.
    pub(crate) fn want(&self) {
        self.files.want();
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Makes the environment for a process of ours, which may read every file.
    pub fn read(&self, query: &Query) -> Result<settings::Environment, EnvironmentError> {
        self.find(query, &Ownership::default()).map(Into::into)
    }

    /// What belongs to whom, if these applications have passwords.
    pub(crate) fn ownership<'name>(&self, applications: impl Iterator<Item = &'name Name>) -> Ownership {
        let affixes = self.files.locations().iter().filter_map(|location| location.application_affixes());
        Ownership::new(applications, affixes.map(|(before, behind)| (before.to_owned(), behind.to_owned())))
    }

    /// Makes the environment from the files that the applications of the query may read.
    ///
    /// Its version is a digest of the files with their sealed values, and not of the opened values, so it may be shown and
    /// logged. A value that can't be opened is logged, and appears as in Spring: `invalid.KEY: <n/a>`.
    pub(crate) fn find(&self, query: &Query, ownership: &Ownership) -> Result<Environment, EnvironmentError> {
        let view = self.view(query)?;
        let may_read = |path: &str| ownership.may_read(query.applications.names(), path);
        let request = request(query, &view.directory_label, &may_read);
        let found = sources(&view.snapshot, self.files.locations(), &request)?;
        let mut digest = Sha256::new();
        for (path, content) in &found.read {
            digest.update(path.as_bytes());
            digest.update([0]);
            digest.update(content);
        }
        let mut property_sources = Vec::with_capacity(found.sources.len() + 1);
        if !self.options.overrides.is_empty() {
            property_sources.push(self.overrides());
        }
        let mut opened = BTreeSet::new();
        for source in found.sources {
            let values = self.open(&source.name, source.document, &mut opened);
            let source = Source { source: values, name: source.name };
            // The version changes when a missing key is installed, although the files are the same.
            for key in source.source.keys().filter(|key| key.starts_with(UNOPENED_PREFIX)) {
                digest.update(key.as_bytes());
            }
            property_sources.push(source);
        }
        for source in property_sources.iter().filter(|source| source.name == OVERRIDES) {
            for (key, served) in &source.source {
                digest.update(format!("{key}\0{}\0", served.value).as_bytes());
            }
        }
        if property_sources.is_empty() && !self.options.accept_empty {
            return Err(EnvironmentError::Empty);
        }
        let digest = hexadecimal(&digest.finalize());
        Ok(Environment {
            name: query.applications.as_str().to_owned(),
            profiles: [query.profiles.as_str().to_owned()],
            label: query.label.as_ref().map(|label| label.as_str().to_owned()),
            // As in Spring, the version is the commit, and a git repository has no state.
            state: view.commit.as_ref().map(|_| String::new()),
            version: view.commit.unwrap_or_else(|| digest.clone()),
            digest,
            property_sources,
            opened,
        })
    }

    /// Finds a file that is no settings source. The first directory wins, and in it the file of a profile: `x-dev.conf`.
    pub(crate) fn file(
        &self,
        query: &Query,
        path: &str,
        ownership: &Ownership,
    ) -> Result<Option<PlainFile>, EnvironmentError> {
        let view = self.view(query)?;
        let may_read = |path: &str| ownership.may_read(query.applications.names(), path);
        let request = request(query, &view.directory_label, &may_read);
        for directory in directories_of(self.files.locations(), &request) {
            for path in profile_paths(query.profiles.names(), path) {
                let path = format!("{directory}/{path}");
                if let Some(file) = view.snapshot.file(&path).filter(|file| may_read(&file.relative)) {
                    return Ok(Some(plain_file(&path, file)?));
                }
            }
        }
        Ok(None)
    }

    fn view(&self, query: &Query) -> Result<View, EnvironmentError> {
        let label = query.label.as_ref().map(Label::as_str);
        let view = self.files.view(label, &self.options.default_label)?;
        view.ok_or(EnvironmentError::NoLabel)
    }

    fn overrides(&self) -> Source {
        let served = |text: &String| Served {
            // In Spring's files, `\${` and `\{` keep a placeholder from being resolved.
            value: Scalar::Text(text.replace("\\{", "{").replace("\\${", "${")),
            origin: Some(OVERRIDES_ORIGIN.to_owned()),
        };
        let source = self.options.overrides.iter().map(|(key, text)| (key.clone(), served(text))).collect();
        Source { name: OVERRIDES.to_owned(), source }
    }

    /// Opens the sealed values of a document. As in Spring, they come after the other values.
    fn open(
        &self,
        name: &str,
        document: &Document,
        opened: &mut BTreeSet<String>,
    ) -> IndexMap<String, Served> {
        let mut source = IndexMap::with_capacity(document.entries.len());
        let mut sealed = Vec::new();
        for (key, entry) in &document.entries {
            match &entry.value {
                Scalar::Text(text) if Sealed::is_marked(text) => sealed.push((key, text)),
                value => {
                    let origin = Some(entry.origin.to_string());
                    source.insert(key.clone(), Served { value: value.clone(), origin });
                }
            }
        }
        for (key, text) in sealed {
            let (key, value) = match self.keyring.open_and_keep(text) {
                Ok(value) => {
                    opened.insert(key.clone());
                    (key.clone(), value.expose_secret().to_owned())
                }
                Err(error) => {
                    let reason = telemetry::chain(&error);
                    tracing::error!(source = %name, key, reason, "a sealed value can't be opened");
                    (format!("{UNOPENED_PREFIX}{key}"), UNOPENED.to_owned())
                }
            };
            source.insert(key, Served { value: Scalar::Text(value), origin: None });
        }
        source
    }
}

fn request<'query>(
    query: &'query Query,
    label: &'query str,
    may_read: &'query dyn Fn(&str) -> bool,
) -> Request<'query> {
    Request { applications: &query.applications, profiles: &query.profiles, label, may_read }
}

fn plain_file(path: &str, file: &File) -> Result<PlainFile, BrokenFile> {
    match &file.loaded {
        Ok(loaded) => Ok(PlainFile { content: Arc::clone(&loaded.content) }),
        Err(error) => Err(BrokenFile::new(path, error)),
    }
}

/// The names under which a file is looked for, in order of precedence.
fn profile_paths(profiles: &[String], path: &str) -> Vec<String> {
    let (directory, file) = path.rsplit_once('/').map_or(("", path), |(directory, file)| (directory, file));
    let (stem, extension) =
        file.rsplit_once('.').map_or((file, None), |(stem, extension)| (stem, Some(extension)));
    let mut paths: Vec<String> = Vec::new();
    for profile in profiles {
        let file = match extension {
            _ if profile == "default" => file.to_owned(),
            Some(extension) => format!("{stem}-{profile}.{extension}"),
            None => format!("{stem}-{profile}"),
        };
        paths.push(if directory.is_empty() { file } else { format!("{directory}/{file}") });
    }
    paths.push(path.to_owned());
    paths
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
    use std::io;
    use std::sync::{Arc, Mutex};

    use sealing::OpeningKey;

    use super::*;
    use crate::repository::Repository;

    /// Collects the log.
    #[derive(Clone, Default)]
    struct CapturedLog(Arc<Mutex<Vec<u8>>>);

    impl io::Write for CapturedLog {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn key() -> OpeningKey {
        OpeningKey::generate("dalkom".parse().unwrap())
    }

    fn environments(folder: &tempfile::TempDir, keys: Vec<OpeningKey>) -> Environments {
        let repository = Repository::new(vec![folder.path().to_owned()]);
        repository.refresh().unwrap();
        Environments::new(repository, Keyring::new(keys).unwrap())
    }

    fn query() -> Query {
        Query::new("shop", "default", None).unwrap()
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

        let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
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

    #[test]
    fn the_file_of_a_profile_wins_for_a_plain_file() {
        let profiles = ["default", "dev"].map(str::to_owned);
        assert_eq!(profile_paths(&profiles, "a/x.conf"), ["a/x.conf", "a/x-dev.conf", "a/x.conf"]);
        assert_eq!(profile_paths(&profiles[1..], "x"), ["x-dev", "x"]);
    }
}
