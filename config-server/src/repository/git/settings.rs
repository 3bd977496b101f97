//! The settings of a git repository.

use std::path::PathBuf;
use std::time::Duration;

use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;

/// A git repository with settings files. It is served in place of the directories.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GitSettings {
    /// Where it is: `https://…`, or `file:/…` for a repository on this machine, which is read without a copy.
    #[garde(custom(known_address))]
    pub uri: String,
    /// The directory of the copy of a repository that is elsewhere. It survives a restart, so that the server starts while the
    /// repository is away.
    #[serde(default)]
    #[garde(skip)]
    pub mirror: Option<PathBuf>,
    /// The label of a request without one. If it is missing, this is `main`, or else `master`.
    #[serde(default)]
    #[garde(skip)]
    pub default_label: Option<String>,
    /// Directories of the repository that are read besides its root. A later one wins. They can contain `{application}` and
    /// `{profile}`.
    #[serde(default)]
    #[garde(inner(custom(relative_path)))]
    pub search_paths: Vec<String>,
    /// Seconds between two fetches. `POST /monitor` fetches at once.
    #[serde(default = "default_fetch_interval_s")]
    #[garde(range(min = 1, max = 86_400))]
    pub fetch_interval_s: u64,
    /// The user of the repository.
    #[serde(default)]
    #[garde(skip)]
    pub username: Option<String>,
    /// The password or token of the user. It is only sent by `https://`.
    #[serde(default)]
    #[garde(custom(only_by_tls(&self.uri)))]
    pub password: Option<SecretString>,
}

impl GitSettings {
    /// The path of a repository on this machine.
    pub(super) fn local_path(&self) -> Option<PathBuf> {
        self.uri.strip_prefix("file:").map(|path| PathBuf::from(format!("/{}", path.trim_start_matches('/'))))
    }

    pub(crate) fn fetch_interval(&self) -> Duration {
        Duration::from_secs(self.fetch_interval_s)
    }
}

fn default_fetch_interval_s() -> u64 {
    30
}

fn only_by_tls(uri: &str) -> impl FnOnce(&Option<SecretString>, &()) -> garde::Result {
    let is_encrypted = uri.starts_with("https://");
    move |password, ()| {
        if password.is_some() && !is_encrypted {
            return Err(garde::Error::new("is only sent by https://"));
        }
        Ok(())
    }
}

fn relative_path(path: &str, (): &()) -> garde::Result {
    if path.is_empty() || path.starts_with('/') || path.split('/').any(|part| matches!(part, "." | "..")) {
        return Err(garde::Error::new("must be the path of a directory in the repository"));
    }
    Ok(())
}

fn known_address(uri: &str, (): &()) -> garde::Result {
    let address = uri.split_once("://").map_or("", |(_, address)| address);
    let host = address.split('/').next().unwrap_or_default();
    if uri.contains('{') {
        Err(garde::Error::new("can't have placeholders"))
    } else if host.contains('@') {
        Err(garde::Error::new("can't have a user or a password: they have settings of their own"))
    } else if ["https://", "http://", "file:"].iter().any(|scheme| uri.starts_with(scheme)) {
        Ok(())
    } else {
        Err(garde::Error::new("must begin with https://, http:// or file:"))
    }
}
