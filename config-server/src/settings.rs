//! The settings of config-server, besides those of every process.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use garde::Validate;
use serde::Deserialize;
use serde_json::Value;

use crate::environment::Options;

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
    /// Settings that win over all files, for every application.
    #[serde(default)]
    #[garde(skip)]
    pub overrides: BTreeMap<String, Value>,
}

fn default_label() -> String {
    Options::default().default_label
}

fn accept_empty() -> bool {
    Options::default().accept_empty
}

impl Settings {
    /// How settings are served.
    pub(crate) fn options(&self) -> anyhow::Result<Options> {
        let overrides = Value::Object(self.overrides.clone().into_iter().collect());
        let overrides = settings::flat::flatten(&overrides).context("overrides")?;
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Ok(Options {
            default_label: self.default_label.clone(),
            accept_empty: self.accept_empty,
            overrides: overrides.into_iter().map(|(key, value)| (key, text(value))).collect(),
        })
    }
}
