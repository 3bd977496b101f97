//! The source of a process's settings.

use std::path::{Path, PathBuf};

use anyhow::Context;
use reqwest::Url;
use secrecy::SecretString;
use settings::{ConfigClient, Follower, Tree};

/// The variable with the password, if there is no file. There is no flag for it, because everybody on the machine sees flags.
const PASSWORD_VARIABLE: &str = "DALKOM_CONFIG_PASSWORD";

/// A source of settings, with its flags.
pub trait SettingsSource: clap::Args {
    /// Fetches the settings of `application`. It may wait without limit; the process can be stopped meanwhile.
    fn load(&self, application: &str, profiles: &str) -> impl Future<Output = anyhow::Result<Loaded>>;
}

/// Settings, and what tells of their changes.
#[derive(Debug)]
pub struct Loaded {
    pub(crate) tree: Tree,
    pub(crate) follower: Option<Follower>,
}

impl From<Tree> for Loaded {
    /// Settings that do not change while the process runs.
    fn from(tree: Tree) -> Self {
        Self { tree, follower: None }
    }
}

/// config-server, the source of every service but config-server itself.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_field_names,
    reason = "clap knows an argument by the name of its field, in all of a command line"
)]
pub struct ConfigServer {
    /// The address of config-server. The process waits until it answers. Several are separated by commas: they have the same
    /// settings, and the next one is asked when one fails.
    #[arg(
        long = "config-url",
        env = "DALKOM_CONFIG_URL",
        default_value = "http://127.0.0.1:8888",
        value_name = "URL",
        value_delimiter = ','
    )]
    config_urls: Vec<Url>,

    /// A file with the password of this service at config-server. Without it, the password is in the variable
    /// `DALKOM_CONFIG_PASSWORD`.
    #[arg(long, env = "DALKOM_CONFIG_PASSWORD_FILE", value_name = "FILE")]
    config_password_file: Option<PathBuf>,

    /// A PEM file with the authorities that may sign the certificate of config-server, for addresses that begin with https://.
    /// Without it, the public ones may. It is read again when it changes.
    #[arg(long, env = "DALKOM_CONFIG_CA_FILE", value_name = "FILE")]
    config_ca_file: Option<PathBuf>,

    /// The label of the settings, for a config-server that reads them from git: a branch, a tag or a commit.
    #[arg(long, env = "DALKOM_CONFIG_LABEL", value_name = "LABEL")]
    config_label: Option<String>,

    /// A file in which the last good settings are kept, sealed with the password of this service at config-server. If no
    /// config-server answers for ten seconds, the process starts with them. Each process has a file of its own.
    #[arg(long, env = "DALKOM_CONFIG_SNAPSHOT", value_name = "FILE")]
    config_snapshot: Option<PathBuf>,
}

impl SettingsSource for ConfigServer {
    async fn load(&self, application: &str, profiles: &str) -> anyhow::Result<Loaded> {
        let password = password(self.config_password_file.as_deref())?;
        let mut client = ConfigClient::of_servers(self.config_urls.clone(), application, profiles, password)?;
        if let Some(ca_file) = &self.config_ca_file {
            client = client.trusting(ca_file)?;
        }
        if let Some(label) = &self.config_label {
            client = client.with_label(label)?;
        }
        if let Some(snapshot) = &self.config_snapshot {
            client = client.with_snapshot(snapshot)?;
        }
        let (tree, follower) = client.fetch_and_follow().await?;
        Ok(Loaded { tree, follower: Some(follower) })
    }
}

fn password(file: Option<&Path>) -> anyhow::Result<SecretString> {
    let password = match file {
        Some(file) => std::fs::read_to_string(file)
            .with_context(|| format!("the password file {} can't be read", file.display()))?,
        None => std::env::var(PASSWORD_VARIABLE).ok().with_context(|| {
            format!("no password for config-server: give --config-password-file or {PASSWORD_VARIABLE}")
        })?,
    };
    Ok(SecretString::from(password.trim_end_matches(['\r', '\n'])))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_password_is_the_line_of_the_file_without_its_line_break() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), " sesame \n").unwrap();
        assert_eq!(password(Some(file.path())).unwrap().expose_secret(), " sesame ");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = password(Some(Path::new("/nowhere/password"))).unwrap_err();
        assert!(error.to_string().contains("/nowhere/password"), "{error}");
    }
}
