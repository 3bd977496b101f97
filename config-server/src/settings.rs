//! The settings of config-server, besides those of every process.

use std::path::PathBuf;

use garde::Validate;
use serde::Deserialize;

/// The settings of config-server, besides those of every process. The flags `--config-dir`, `--key-file` and
/// `--credentials-file` win over files.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The directories with the settings files. A later one wins over an earlier one.
    #[garde(length(min = 1))]
    pub directories: Vec<PathBuf>,
    /// The files of the private keys that open sealed values. The first key also seals.
    #[serde(default)]
    #[garde(skip)]
    pub key_files: Vec<PathBuf>,
    /// The YAML file with the password of each application.
    #[garde(skip)]
    pub credentials_file: PathBuf,
}
