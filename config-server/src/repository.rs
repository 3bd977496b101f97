//! The directories of settings: the files of an application, and their order.
//!
//! The files of a directory, the one that wins first: `{app}-{profile}.yml`, `application-{profile}.yml`, `{app}.yml`,
//! `application.yml`. With several profiles, the files of the last one win. A later directory wins over an earlier one.
//! With a label, each directory's subdirectory of that name wins over all files outside of such subdirectories.
//!
//! The files are read again for every request, so an edit is served at once.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use settings::PropertySource;
use thiserror::Error;

use crate::document::{self, YamlError};
use crate::names::{Name, Profiles};

/// The name of the files that every application shares.
const SHARED: &str = "application";

/// A request for settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The application.
    pub application: Name,
    /// The profiles.
    pub profiles: Profiles,
    /// The subdirectory to read, besides the directories themselves.
    pub label: Option<Name>,
}

/// Directories with YAML files. A later one wins over an earlier one.
#[derive(Clone, Debug)]
pub struct Repository {
    directories: Vec<PathBuf>,
}

/// A file of an application.
pub(crate) struct File {
    pub(crate) source: PropertySource,
    pub(crate) content: Vec<u8>,
}

/// Why the files can't be served.
#[derive(Debug, Error)]
pub enum RepositoryError {
    /// A directory can't be read.
    #[error("the directory {} can't be read", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file can't be read.
    #[error("the file {} can't be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The content of a file can't be used.
    #[error("the file {} can't be used", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: YamlError,
    },
}

impl Repository {
    /// Takes directories. A later one wins over an earlier one.
    pub fn new(directories: Vec<PathBuf>) -> Self {
        Self { directories }
    }

    /// Checks that every directory can be read. If one is missing, an application would get only a part of its settings and
    /// use defaults for the rest.
    pub fn check(&self) -> Result<(), RepositoryError> {
        self.directories.iter().try_for_each(|directory| {
            fs::read_dir(directory)
                .map(drop)
                .map_err(|source| RepositoryError::Directory { path: directory.clone(), source })
        })
    }

    /// Reads the files of an application, the one that wins first.
    pub(crate) fn read(&self, query: &Query) -> Result<Vec<File>, RepositoryError> {
        self.check()?;
        let mut files = Vec::new();
        for directory in self.locations(query.label.as_ref()).iter().rev() {
            for name in file_names(query) {
                files.extend(read_file(&directory.join(name))?);
            }
        }
        Ok(files)
    }

    /// The directories to read, the one that wins last.
    fn locations(&self, label: Option<&Name>) -> Vec<PathBuf> {
        let labelled = label.into_iter().flat_map(|label| {
            let subdirectories = self.directories.iter().map(|directory| directory.join(label.as_str()));
            subdirectories.filter(|subdirectory| subdirectory.is_dir())
        });
        self.directories.iter().cloned().chain(labelled).collect()
    }
}

/// The names of the files of an application, the one that wins first.
fn file_names(query: &Query) -> Vec<String> {
    let mut stems = vec![query.application.as_str()];
    if query.application.as_str() != SHARED {
        stems.push(SHARED);
    }
    let of_profiles = query
        .profiles
        .as_slice()
        .iter()
        .rev()
        .flat_map(|profile| stems.iter().map(move |stem| format!("{stem}-{profile}.yml")));
    let of_any_profile = stems.iter().map(|stem| format!("{stem}.yml"));
    of_profiles.chain(of_any_profile).collect()
}

/// Reads a file. `None` if it does not exist.
fn read_file(path: &Path) -> Result<Option<File>, RepositoryError> {
    let content = match fs::read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(RepositoryError::File { path: path.to_owned(), source }),
    };
    let name = format!("file:{}", path.display());
    let source = document::read(&name, &content)
        .map_err(|source| RepositoryError::Content { path: path.to_owned(), source })?;
    Ok(Some(File { source, content }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(application: &str, profiles: &str) -> Query {
        Query {
            application: application.to_owned().try_into().unwrap(),
            profiles: profiles.to_owned().try_into().unwrap(),
            label: None,
        }
    }

    #[test]
    fn the_files_of_a_profile_and_of_an_application_win() {
        assert_eq!(
            file_names(&query("member-api", "default")),
            ["member-api-default.yml", "application-default.yml", "member-api.yml", "application.yml"]
        );
    }

    #[test]
    fn the_last_profile_wins() {
        assert_eq!(
            file_names(&query("shop", "prod,seoul")),
            [
                "shop-seoul.yml",
                "application-seoul.yml",
                "shop-prod.yml",
                "application-prod.yml",
                "shop.yml",
                "application.yml"
            ]
        );
    }

    #[test]
    fn an_application_called_application_does_not_get_its_files_twice() {
        assert_eq!(
            file_names(&query("application", "default")),
            ["application-default.yml", "application.yml"]
        );
    }
}
