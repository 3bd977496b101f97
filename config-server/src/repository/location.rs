//! Where settings files are: a directory, whose path may contain `{application}`, `{profile}` and `{label}`.

use std::path::{Path, PathBuf};

use crate::names::{Applications, Profiles};

/// A directory of settings files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    /// The path as it was given, without a slash at its end.
    template: String,
}

/// What a request puts into the paths of locations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'query> {
    pub(crate) applications: &'query Applications,
    pub(crate) profiles: &'query Profiles,
    /// The label of the request, or the default label.
    pub(crate) label: &'query str,
}

impl Location {
    /// Takes a path, as an argument or in Spring's form: `file:/etc/config/{application}/`.
    pub(crate) fn new(path: &Path) -> Self {
        let path = path.to_string_lossy();
        let path = path.strip_prefix("optional:").unwrap_or(&path);
        let path = path.strip_prefix("file:").unwrap_or(path);
        let trimmed = path.trim_end_matches('/');
        let template = if trimmed.is_empty() { path } else { trimmed };
        // The root of a location is above its first placeholder.
        let current = if template.starts_with('{') { "./" } else { "" };
        Self { template: format!("{current}{template}") }
    }

    /// The root of a git repository, and directories in it. What stands before their paths is the repository's address.
    pub(crate) fn of_repository(uri: &str, search_paths: &[String]) -> Vec<Self> {
        let root = uri.strip_prefix("file:").unwrap_or(uri).trim_end_matches('/');
        let below = search_paths.iter().map(|path| format!("{root}/{}", path.trim_end_matches('/')));
        std::iter::once(root.to_owned()).chain(below).map(|template| Self { template }).collect()
    }

    /// The directory above all directories that a request can lead to.
    pub(crate) fn root(&self) -> &str {
        match self.template.find('{') {
            Some(placeholder) => self.template[..placeholder].rsplit_once('/').map_or(".", |(root, _)| root),
            None => &self.template,
        }
    }

    pub(crate) fn root_path(&self) -> PathBuf {
        PathBuf::from(self.root())
    }

    /// The text before and behind `{application}` in a directory's name.
    pub(crate) fn application_affixes(&self) -> Option<(&str, &str)> {
        self.template.split('/').find_map(|component| component.split_once("{application}"))
    }

    /// The directory for these names. `None` if a placeholder is left.
    fn expand(&self, application: &str, profile: &str, label: &str) -> Option<String> {
        let path = self.template.replace("{application}", application);
        let path = path.replace("{profile}", profile).replace("{label}", label);
        (!path.contains('{')).then_some(path)
    }
}

/// The directories of a request, the one with the lowest precedence first: those of the locations, and then their
/// subdirectories for the labels. Of several labels, the first one wins.
pub(crate) fn directories(locations: &[Location], parts: Parts<'_>) -> Vec<String> {
    let mut directories = Vec::new();
    let mut add = |directory: String| {
        if !directories.contains(&directory) {
            directories.push(directory);
        }
    };
    for location in locations {
        for profile in parts.profiles.names() {
            for application in parts.applications.names() {
                location.expand(application, profile, parts.label).into_iter().for_each(&mut add);
            }
        }
    }
    for location in locations.iter().filter(|location| !location.template.contains('{')) {
        for label in parts.label.rsplit(',').filter(|label| !label.trim().is_empty()) {
            add(format!("{}/{label}", location.template));
        }
    }
    directories
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(locations: &[&str], applications: &str, profiles: &str, label: &str) -> Vec<String> {
        let locations: Vec<Location> = locations.iter().map(|path| Location::new(Path::new(path))).collect();
        let applications = applications.to_owned().try_into().unwrap();
        let profiles = profiles.to_owned().try_into().unwrap();
        directories(&locations, Parts { applications: &applications, profiles: &profiles, label })
    }

    #[test]
    fn names_are_put_into_the_path() {
        assert_eq!(of(&["file:/c/{application}/"], "a,b", "dev", "master"), ["/c/a", "/c/b"]);
        assert_eq!(of(&["/c/{profile}/{label}"], "a", "dev,eu", "x"), ["/c/dev/x", "/c/eu/x"]);
        assert_eq!(of(&["/c/{other}"], "a", "dev", "x"), Vec::<String>::new());
    }

    #[test]
    fn labels_are_subdirectories_of_all_locations_and_the_first_one_wins() {
        assert_eq!(
            of(&["base", "overlay/"], "a", "dev", "x,f/y"),
            ["base", "overlay", "base/f/y", "base/x", "overlay/f/y", "overlay/x"]
        );
        assert_eq!(of(&["base"], "a", "dev", ""), ["base"]);
    }

    #[test]
    fn the_root_is_above_every_placeholder() {
        for (path, root) in [
            ("/c/{application}", "/c"),
            ("/c/app-{application}/x", "/c"),
            ("base/", "base"),
            ("{label}", "."),
        ] {
            assert_eq!(Location::new(Path::new(path)).root(), root);
        }
    }
}
