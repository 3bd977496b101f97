//! The settings of config-server, beside those of every process.

use std::path::PathBuf;

use garde::Validate;
use serde::Deserialize;

/// The settings of config-server, beside those of every process. It is told by flags, which win over files:
/// `--config-dir`, `--key-file` and `--credentials-file`.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The directories with the files of settings; a later one wins over an earlier one.
    #[garde(length(min = 1))]
    pub directories: Vec<PathBuf>,
    /// The files of the private keys that open sealed values; the first one also seals.
    #[serde(default)]
    #[garde(skip)]
    pub key_files: Vec<PathBuf>,
    /// The YAML file with the password of each application.
    #[garde(skip)]
    pub credentials_file: PathBuf,
}
