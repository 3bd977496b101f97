//! The repository itself: fetching, labels, and the files of a commit. Everything in here blocks.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use gix::bstr::{BStr, BString, ByteSlice as _};
use gix::objs::tree::EntryKind;
use gix::remote::{Direction, ref_map};
use gix::{ObjectId, ThreadSafeRepository};
use secrecy::ExposeSecret as _;
use thiserror::Error;

use super::heads::{Head, Heads};
use super::settings::GitSettings;
use crate::repository::file::{BYTES_MAX, FILES_MAX, File, FileError};
use crate::repository::snapshot::Snapshot;

// The limits of files hold for all labels together. A file that is the same under several of them is kept once.
const LABELS_MAX: usize = 1_000;
const COMMITS_MAX: usize = 500_000;

const BRANCHES: &str = "refs/heads/";
const TAGS: &str = "refs/tags/";

/// Why a git repository can't be read.
#[derive(Debug, Error)]
pub enum GitError {
    /// A setting is missing.
    #[error(
        "`git.mirror` is missing: a repository that is not on this machine needs a directory for its copy"
    )]
    NoMirror,
    /// The directory of the copy can't be made.
    #[error("the directory of the copy can't be made")]
    Directory(#[from] io::Error),
    /// The repository can't be opened.
    #[error("the git repository can't be opened")]
    Open(#[source] gix::Error),
    /// The repository can't be fetched. The copy is served.
    #[error("the git repository can't be fetched")]
    Fetch(#[source] gix::Error),
    /// The repository can't be read.
    #[error("the git repository can't be read")]
    Read(#[source] gix::Error),
    /// There is too much.
    #[error("the git repository has more than {limit} {what}")]
    TooMany {
        /// The limit.
        limit: usize,
        /// Of what.
        what: &'static str,
    },
}

/// An opened repository.
pub(super) struct Mirror {
    repository: ThreadSafeRepository,
    /// Where it is fetched from. `None` if it is read where it is.
    origin: Option<Origin>,
    /// What stands before the path of a file: the address of the repository.
    root: String,
    /// The files that were read, by their blobs and paths.
    files: HashMap<(ObjectId, String), Arc<File>>,
}

struct Origin {
    uri: String,
    account: Option<gix::sec::identity::Account>,
}

impl Mirror {
    pub(super) fn open(settings: &GitSettings, root: String) -> Result<Self, GitError> {
        let (path, origin) = if let Some(path) = settings.local_path() {
            (path, None)
        } else {
            let path = settings.mirror.clone().ok_or(GitError::NoMirror)?;
            (path, Some(Origin { uri: settings.uri.clone(), account: account(settings) }))
        };
        if origin.is_some() && !is_repository(&path) {
            fs::create_dir_all(&path)?;
            gix::init_bare(&path).map_err(GitError::Open)?;
        }
        // The settings of whoever runs the process, such as rewritten addresses, do not count.
        let repository = gix::open_opts(&path, gix::open::Options::isolated()).map_err(GitError::Open)?;
        Ok(Self { repository: repository.into_sync(), origin, root, files: HashMap::new() })
    }

    /// Fetches all branches and tags, and removes those that are gone.
    pub(super) fn fetch(&self, stop: &AtomicBool) -> Result<(), GitError> {
        let Some(origin) = &self.origin else { return Ok(()) };
        let repository = self.repository.to_thread_local();
        origin.fetch(&repository, stop).map_err(GitError::Fetch)
    }

    /// Reads the files of all branches and tags. A branch wins over a tag of the same name.
    pub(super) fn heads(&mut self) -> Result<Heads, GitError> {
        let repository = self.repository.to_thread_local();
        let mut tips = BTreeMap::new();
        for prefix in [TAGS, BRANCHES] {
            for (name, commit) in references(&repository, prefix).map_err(GitError::Read)? {
                tips.insert(name, commit);
            }
        }
        if tips.len() > LABELS_MAX {
            return Err(GitError::TooMany { limit: LABELS_MAX, what: "branches and tags" });
        }
        let mut heads = Heads::default();
        let mut by_commit: HashMap<ObjectId, Arc<Head>> = HashMap::new();
        let mut used = HashMap::new();
        for (label, commit) in &tips {
            if !by_commit.contains_key(commit) {
                let head = self.read(&repository, *commit, &mut used)?;
                by_commit.insert(*commit, Arc::new(head));
            }
            heads.by_label.insert(label.clone(), Arc::clone(&by_commit[commit]));
        }
        self.files = used;
        let walk = repository.rev_walk(tips.into_values()).all().map_err(GitError::Read)?;
        for commit in walk {
            heads.commits.push(commit.map_err(|error| GitError::Read(gix::Error::from_error(error)))?.id);
            if heads.commits.len() > COMMITS_MAX {
                return Err(GitError::TooMany { limit: COMMITS_MAX, what: "commits" });
            }
        }
        heads.commits.sort_unstable();
        Ok(heads)
    }

    /// Reads the files of a commit.
    pub(super) fn head(&self, commit: ObjectId) -> Result<Head, GitError> {
        self.read(&self.repository.to_thread_local(), commit, &mut HashMap::new())
    }

    fn read(
        &self,
        repository: &gix::Repository,
        commit: ObjectId,
        used: &mut HashMap<(ObjectId, String), Arc<File>>,
    ) -> Result<Head, GitError> {
        let tree = repository.find_commit(commit).and_then(|commit| commit.tree()).map_err(GitError::Read)?;
        let entries = tree.traverse().breadthfirst.files().map_err(GitError::Read)?;
        let mut files = HashMap::new();
        for entry in entries {
            let kind = entry.mode.kind();
            let Some(relative) = visible(entry.filepath.as_bstr()) else { continue };
            let file = match kind {
                EntryKind::Blob | EntryKind::BlobExecutable => {
                    let key = (entry.oid, relative.clone());
                    let known = used.get(&key).or_else(|| self.files.get(&key)).map(Arc::clone);
                    let file = match known {
                        Some(file) => file,
                        None => Arc::new(blob(repository, entry.oid, relative.clone())?),
                    };
                    used.insert(key, Arc::clone(&file));
                    file
                }
                // A link of a repository could lead to any file of this machine.
                EntryKind::Link => Arc::new(File::refused(relative.clone(), FileError::NotRegular)),
                EntryKind::Tree | EntryKind::Commit => continue,
            };
            files.insert(format!("{}/{relative}", self.root), file);
        }
        if used.len() > FILES_MAX {
            return Err(GitError::TooMany { limit: FILES_MAX, what: "files" });
        }
        let bytes: usize = used.values().map(|file| file.bytes()).sum();
        if bytes > BYTES_MAX {
            return Err(GitError::TooMany { limit: BYTES_MAX, what: "bytes in files" });
        }
        Ok(Head { commit: commit.to_hex().to_string(), files: Arc::new(Snapshot::new(files)) })
    }
}

impl Origin {
    fn fetch(&self, repository: &gix::Repository, stop: &AtomicBool) -> Result<(), gix::Error> {
        let specs: [&BStr; 2] = ["+refs/heads/*:refs/heads/*".into(), "+refs/tags/*:refs/tags/*".into()];
        let remote = repository.remote_at(self.uri.as_str())?.with_refspecs(specs, Direction::Fetch)?;
        let mut connection = remote.connect(Direction::Fetch)?;
        let account = self.account.clone();
        // Without an account, nobody is asked for one.
        connection.set_credentials(move |action| match action {
            gix::credentials::helper::Action::Get(context) => Ok(account
                .clone()
                .map(|identity| gix::credentials::protocol::Outcome { identity, next: context.into() })),
            _ => Ok(None),
        });
        let fetch = connection.prepare_fetch(gix::progress::Discard, ref_map::Options::default())?;
        let outcome = fetch.receive(gix::progress::Discard, stop)?;
        let there: HashSet<BString> =
            outcome.ref_map.remote_refs.iter().map(|reference| reference.unpack().0.to_owned()).collect();
        for prefix in [TAGS, BRANCHES] {
            for reference in repository.references()?.prefixed(prefix)? {
                let reference = reference?;
                if !there.contains(reference.name().as_bstr()) {
                    reference.delete()?;
                }
            }
        }
        Ok(())
    }
}

/// The names behind a prefix, and the commits that they lead to. A tag of something else is skipped.
fn references(repository: &gix::Repository, prefix: &str) -> Result<Vec<(String, ObjectId)>, gix::Error> {
    let mut found = Vec::new();
    for reference in repository.references()?.prefixed(prefix)? {
        let mut reference = reference?;
        let Ok(name) = std::str::from_utf8(reference.name().as_bstr()) else { continue };
        let Some(name) = name.strip_prefix(prefix).map(str::to_owned) else { continue };
        if let Ok(commit) = reference.peel_to_commit() {
            found.push((name, commit.id));
        }
    }
    Ok(found)
}

/// The path of a file, unless it or a directory above it is hidden.
fn visible(path: &BStr) -> Option<String> {
    let path = std::str::from_utf8(path).ok()?;
    (!path.split('/').any(|part| part.starts_with('.'))).then(|| path.to_owned())
}

fn blob(repository: &gix::Repository, id: ObjectId, relative: String) -> Result<File, GitError> {
    let limit = File::limit(&relative);
    // The size stands before the content, so nothing large is unpacked.
    if repository.find_header(id).map_err(GitError::Read)?.size() > limit {
        return Ok(File::refused(relative, FileError::TooLarge(limit)));
    }
    Ok(File::parse(relative, repository.find_blob(id).map_err(GitError::Read)?.take_data()))
}

fn account(settings: &GitSettings) -> Option<gix::sec::identity::Account> {
    let password = settings.password.as_ref()?;
    Some(gix::sec::identity::Account {
        username: settings.username.clone().unwrap_or_default(),
        password: password.expose_secret().to_owned(),
        oauth_refresh_token: None,
    })
}

fn is_repository(path: &Path) -> bool {
    path.join("HEAD").is_file()
}
