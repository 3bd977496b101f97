//! The files of either kind of repository, as requests see them.

use std::sync::Arc;

use super::fault::RepositoryError;
use super::git::GitRepository;
use super::location::Location;
use super::snapshot::Snapshot;
use super::state::Changes;
use super::store::Repository;

/// Directories, or a git repository.
#[derive(Clone, Debug)]
pub enum Files {
    /// Directories. Labels are subdirectories.
    Directories(Repository),
    /// A git repository. Labels are branches, tags and commits.
    Git(GitRepository),
}

/// The files under a label.
pub(crate) struct View {
    pub(crate) snapshot: Arc<Snapshot>,
    /// The label whose subdirectories are read; empty for a git repository.
    pub(crate) directory_label: String,
    /// The commit of the files.
    pub(crate) commit: Option<String>,
}

impl From<Repository> for Files {
    fn from(repository: Repository) -> Self {
        Self::Directories(repository)
    }
}

impl From<GitRepository> for Files {
    fn from(repository: GitRepository) -> Self {
        Self::Git(repository)
    }
}

impl Files {
    /// The files under a label. `None` if the git repository does not have the label.
    pub(crate) fn view(
        &self,
        label: Option<&str>,
        default_label: &str,
    ) -> Result<Option<View>, Arc<RepositoryError>> {
        match self {
            Self::Directories(repository) => Ok(Some(View {
                snapshot: repository.snapshot()?,
                directory_label: label.unwrap_or(default_label).to_owned(),
                commit: None,
            })),
            Self::Git(repository) => Ok(repository.head(label)?.map(|head| View {
                snapshot: Arc::clone(&head.files),
                directory_label: String::new(),
                commit: Some(head.commit.clone()),
            })),
        }
    }

    pub(crate) fn locations(&self) -> &[Location] {
        match self {
            Self::Directories(repository) => repository.locations(),
            Self::Git(repository) => repository.locations(),
        }
    }

    /// Tells when other files are served.
    pub(crate) fn changes(&self) -> Changes {
        match self {
            Self::Directories(repository) => repository.changes(),
            Self::Git(repository) => repository.changes(),
        }
    }

    /// Whether good files are served, the latest ones or older ones.
    pub fn check(&self) -> Result<(), Arc<RepositoryError>> {
        match self {
            Self::Directories(repository) => repository.check(),
            Self::Git(repository) => repository.check(),
        }
    }

    /// Whether the latest files are served.
    pub fn check_latest(&self) -> Result<(), Arc<RepositoryError>> {
        match self {
            Self::Directories(repository) => repository.check_latest(),
            Self::Git(repository) => repository.check_latest(),
        }
    }

    /// Looks for changes as soon as possible. Directories are watched anyway.
    pub(crate) fn want(&self) {
        if let Self::Git(repository) = self {
            repository.want();
        }
    }
}
