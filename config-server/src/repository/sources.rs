//! The sources of a request: which documents of which files, and their order.
//!
//! All directories are one group. The files of a profile win over the files of none, whatever their directory. Then a later
//! directory wins, then an application over `application`, and then `.properties` over `.yml` over `.yaml`.

use super::fault::BrokenFile;
use super::file::File;
use super::location::{Location, Parts, directories};
use super::snapshot::Snapshot;
use crate::format::{Document, EXTENSIONS};
use crate::names::{Applications, Profiles};

/// The name of the files that every application shares.
const SHARED: &str = "application";

/// How many files import each other.
const IMPORTS_MAX: usize = 64;

/// A request for settings.
pub(crate) struct Request<'query> {
    pub(crate) applications: &'query Applications,
    pub(crate) profiles: &'query Profiles,
    /// The label of the request, or the default label.
    pub(crate) label: &'query str,
    /// Whether the caller may read the file with this path below its location.
    pub(crate) may_read: &'query dyn Fn(&str) -> bool,
}

/// A document that applies to a request.
pub(crate) struct Source<'snapshot> {
    /// Spring's clients look for the names of profiles in it.
    pub(crate) name: String,
    pub(crate) document: &'snapshot Document,
}

/// The sources of a request in order of precedence, and the digests of all files that were read for it.
pub(crate) struct Sources<'snapshot> {
    pub(crate) sources: Vec<Source<'snapshot>>,
    pub(crate) read: Vec<(String, [u8; 32])>,
}

/// The directories of a request, the one with the lowest precedence first.
pub(crate) fn directories_of(locations: &[Location], request: &Request<'_>) -> Vec<String> {
    let parts =
        Parts { applications: request.applications, profiles: request.profiles, label: request.label };
    directories(locations, parts)
}

/// Finds the sources of a request.
pub(crate) fn sources<'snapshot>(
    snapshot: &'snapshot Snapshot,
    locations: &[Location],
    request: &Request<'_>,
) -> Result<Sources<'snapshot>, BrokenFile> {
    let mut found = Finder {
        snapshot,
        request,
        directories: directories_of(locations, request),
        repository: locations.first().map(Location::root).filter(|root| is_address(root)),
        importing: Vec::new(),
        sources: Sources { sources: Vec::new(), read: Vec::new() },
    };
    let mut names = vec![SHARED.to_owned()];
    names.extend(request.applications.names().iter().filter(|name| *name != SHARED).cloned());
    for profile in request.profiles.names().iter().rev() {
        found.group(&names, &format!("-{profile}"))?;
    }
    found.group(&names, "")?;
    Ok(found.sources)
}

struct Finder<'snapshot, 'query> {
    snapshot: &'snapshot Snapshot,
    request: &'query Request<'query>,
    directories: Vec<String>,
    /// The address of the git repository, if the files are of one.
    repository: Option<&'query str>,
    /// The files whose imports are read now.
    importing: Vec<String>,
    sources: Sources<'snapshot>,
}

impl<'snapshot> Finder<'snapshot, '_> {
    /// Adds the files of one profile, or of none.
    fn group(&mut self, names: &[String], suffix: &str) -> Result<(), BrokenFile> {
        for directory in self.directories.clone().iter().rev() {
            for name in names.iter().rev() {
                for extension in EXTENSIONS {
                    let path = format!("{directory}/{name}{suffix}.{extension}");
                    self.file(&path, &format!("{}/", name_of(directory)))?;
                }
            }
        }
        Ok(())
    }

    /// Adds the documents of a file that apply, the last one first.
    fn file(&mut self, path: &str, location: &str) -> Result<(), BrokenFile> {
        let Some(file) = self.readable(path) else { return Ok(()) };
        let loaded = file.loaded.as_ref().map_err(|error| BrokenFile::new(path, error))?;
        self.sources.read.push((path.to_owned(), loaded.digest));
        let documents = &loaded.documents;
        for (number, document) in documents.iter().enumerate().rev() {
            if !document.activation.accepts(self.request.profiles.names()) {
                continue;
            }
            self.imports(path, document)?;
            let name =
                if documents.len() == 1 { name_of(path) } else { self.document_name(path, location, number) };
            self.sources.sources.push(Source { name, document });
        }
        Ok(())
    }

    /// The name of one of several documents in a file. In the names of a git repository, Spring's server replaces the path of its working
    /// directory and every closing bracket, whatever they belong to.
    fn document_name(&self, path: &str, location: &str, number: usize) -> String {
        let Some(root) = self.repository else {
            return format!("Config resource 'file [{path}]' via location '{location}' (document #{number})");
        };
        let address = name_of(root);
        let below = location.strip_prefix(&address).map_or(location, |below| below.trim_start_matches('/'));
        let file = path.strip_prefix("//").unwrap_or(path);
        format!("{address}/Config resource 'file [{file}' via location '{below}' (document #{number})")
    }

    /// The file with this path, if it is there and the caller may read it.
    fn readable(&self, path: &str) -> Option<&'snapshot File> {
        let file = self.snapshot.file(path)?;
        let may_read = (self.request.may_read)(&file.relative);
        if !may_read {
            tracing::warn!(
                path,
                applications = self.request.applications.as_str(),
                "skipped a file of another application"
            );
        }
        may_read.then_some(file)
    }

    /// Adds the files that a document imports. They win over the document. A file outside of the directories is skipped.
    fn imports(&mut self, path: &str, document: &Document) -> Result<(), BrokenFile> {
        if document.activation.imports.is_empty() || self.importing.len() >= IMPORTS_MAX {
            return Ok(());
        }
        self.importing.push(path.to_owned());
        for import in document.activation.imports.iter().rev() {
            let Some(target) = self.import_path(path, import) else { continue };
            if self.importing.contains(&target) || self.sources.read.iter().any(|(read, _)| *read == target) {
                continue;
            }
            if let Some((stem, extension)) = target.rsplit_once('.') {
                for profile in self.request.profiles.names().iter().rev() {
                    self.file(&format!("{stem}-{profile}.{extension}"), import)?;
                }
            }
            self.file(&target, import)?;
        }
        self.importing.pop();
        Ok(())
    }

    /// The path that an import names: beside the file that imports it, or absolute.
    fn import_path(&self, path: &str, import: &str) -> Option<String> {
        let import = import.strip_prefix("optional:").unwrap_or(import);
        let target = match import.strip_prefix("file:") {
            Some(absolute) if absolute.starts_with('/') => absolute.to_owned(),
            None if import.starts_with('/') => import.to_owned(),
            None if !import.contains(':') => format!("{}/{import}", path.rsplit_once('/')?.0),
            _ => return None,
        };
        let target = without_dots(&target)?;
        let is_inside = |directory: &String| target.starts_with(&format!("{directory}/"));
        self.directories.iter().any(is_inside).then_some(target)
    }
}

/// Whether it is the address of a git repository: `//` and more is behind `file:`.
fn is_address(root: &str) -> bool {
    root.starts_with("//") || root.contains("://")
}

/// A path of this machine in Spring's form. The files of a git repository have its address before their paths.
fn name_of(path: &str) -> String {
    if path.contains("://") { path.to_owned() } else { format!("file:{path}") }
}

/// Resolves `.` and `..`.
fn without_dots(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
