//! The settings of config-server, besides those of every process.

use std::collections::BTreeMap;
use std::path::PathBuf;

use garde::Validate;
use serde::Deserialize;

use crate::environment::Options;
use crate::repository::git::GitSettings;
use crate::sealing::spring::SpringSettings;

/// The settings of config-server, besides those of every process. The flags `--config-dir`, `--key-file` and
/// `--credentials-file` win over files.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The directories with the settings files. A later one wins over an earlier one. A path can contain `{application}`,
    /// `{profile}` and `{label}`.
    #[garde(length(min = 1))]
    pub directories: Vec<PathBuf>,
    /// The files of the private keys that open sealed values. The first key also seals.
    #[serde(default)]
    #[garde(skip)]
    pub key_files: Vec<PathBuf>,
    /// The keys of a Spring server, which open what it has sealed.
    #[serde(default)]
    #[garde(dive)]
    pub spring: SpringSettings,
    /// A git repository with settings files. It is served in place of the directories, from which config-server then reads only
    /// its own settings.
    #[serde(default)]
    #[garde(dive)]
    pub git: Option<GitSettings>,
    /// The YAML file with the password of each application.
    #[garde(skip)]
    pub credentials_file: PathBuf,
    /// The label of a request without one: the subdirectories of this name are read, too.
    #[serde(default = "default_label")]
    #[garde(skip)]
    pub default_label: String,
    /// Whether an application without files gets an answer without settings. Otherwise it gets 404.
    #[serde(default = "accept_empty")]
    #[garde(skip)]
    pub accept_empty: bool,
    /// Settings that win over all files, for every application. A key with a dot is written in brackets: `"[a.b]": text`.
    #[serde(default)]
    #[garde(skip)]
    pub overrides: BTreeMap<String, String>,
}

fn default_label() -> String {
    String::from("master")
}

fn accept_empty() -> bool {
    true
}

impl Settings {
    /// How settings are served.
    pub(crate) fn options(&self) -> Options {
        Options {
            default_label: self.default_label.clone(),
            accept_empty: self.accept_empty,
            overrides: self.overrides.clone(),
        }
    }
}
