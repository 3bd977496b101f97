//! The source of config-server's own settings. There is no other config-server to ask, so it reads its directories for the
//! application `config-server`, as it reads them for other applications. The flags win over all files; they are the source
//! "the command line".

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;
use service_host::{Loaded, SettingsSource};
use settings::{PropertySource, Tree};

use crate::environment::{Environments, Query};
use crate::repository::Repository;
use crate::sealing::Keyring;

/// The flags of the server.
#[derive(Debug, clap::Args)]
pub(crate) struct Flags {
    /// A directory with settings files. It can be repeated: a later one wins over an earlier one. In the variable, they are
    /// separated by colons.
    #[arg(long = "config-dir", env = "DALKOM_CONFIG_DIRS", value_name = "DIR", value_delimiter = ':')]
    directories: Vec<PathBuf>,

    /// The file of a private key that opens sealed values. It can be repeated: the first key also seals.
    #[arg(long = "key-file", env = "DALKOM_CONFIG_KEY_FILES", value_name = "FILE", value_delimiter = ':')]
    key_files: Vec<PathBuf>,

    /// The YAML file with the password of each application: `member-api: …`.
    #[arg(long, env = "DALKOM_CONFIG_CREDENTIALS_FILE", value_name = "FILE")]
    credentials_file: Option<PathBuf>,
}

impl SettingsSource for Flags {
    async fn load(&self, application: &str, profiles: &str) -> anyhow::Result<Loaded> {
        Ok(self.read(application, profiles).await?.into())
    }
}

impl Flags {
    async fn read(&self, application: &str, profiles: &str) -> anyhow::Result<Tree> {
        anyhow::ensure!(!self.directories.is_empty(), "at least one --config-dir is needed");
        let profiles: Vec<&str> = profiles.split(',').map(str::trim).collect();
        let query = Query::new(application, &profiles.join(","), None).context("--profile")?;
        let repository = Repository::excluding(self.directories.clone(), &self.key_files);
        let environments = Environments::new(repository.clone(), Keyring::read(&self.key_files)?);
        let mut environment = tokio::task::spawn_blocking(move || {
            // A broken file of another application is no reason not to start.
            let _ = repository.refresh();
            environments.read(&query)
        })
        .await??;
        environment.property_sources.insert(0, self.as_property_source()?);
        Ok(Tree::from_environment(&environment)?)
    }

    fn as_property_source(&self) -> anyhow::Result<PropertySource> {
        let mut source = BTreeMap::new();
        let lists = [("directories", &self.directories), ("key-files", &self.key_files)];
        for (name, paths) in lists {
            for (index, path) in paths.iter().enumerate() {
                source.insert(format!("{name}[{index}]"), text(path)?);
            }
        }
        if let Some(file) = &self.credentials_file {
            source.insert("credentials-file".to_owned(), text(file)?);
        }
        Ok(PropertySource { name: "the command line".to_owned(), source })
    }
}

fn text(path: &Path) -> anyhow::Result<Value> {
    let path = path.to_str().with_context(|| format!("the path {} is not UTF-8", path.display()))?;
    Ok(Value::from(path))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::settings::Settings;

    fn flags(directories: &[PathBuf], credentials_file: Option<&str>) -> Flags {
        Flags {
            directories: directories.to_vec(),
            key_files: Vec::new(),
            credentials_file: credentials_file.map(PathBuf::from),
        }
    }

    #[tokio::test]
    async fn flags_win_over_files() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("application.yml"),
            "credentials-file: /shared\nkey-files: [/a, /b]\noverrides: {'[a.b]': forced, c: x}",
        )
        .unwrap();
        fs::write(folder.path().join("config-server.yml"), "credentials-file: /own").unwrap();
        let directories = [folder.path().to_owned()];

        let read = flags(&directories, None).read("config-server", "default").await.unwrap();
        let settings: Settings = read.finish().unwrap();
        let read = flags(&directories, Some("/flag")).read("config-server", "default").await.unwrap();
        let with_flag: Settings = read.finish().unwrap();

        assert_eq!(settings.directories, directories);
        assert_eq!(settings.key_files, [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!(settings.credentials_file, PathBuf::from("/own"));
        assert_eq!(settings.overrides["a.b"], "forced");
        assert_eq!(settings.overrides["c"], "x");
        assert_eq!(settings.default_label, "master");
        assert!(settings.accept_empty);
        assert_eq!(with_flag.credentials_file, PathBuf::from("/flag"));
    }

    #[tokio::test]
    async fn a_missing_setting_is_named() {
        let folder = tempfile::tempdir().unwrap();

        let tree = flags(&[folder.path().to_owned()], None).read("config-server", "default").await.unwrap();

        assert_eq!(tree.finish::<Settings>().unwrap_err().to_string(), "credentials-file: is missing");
    }

    #[tokio::test]
    async fn no_directory_or_one_that_is_not_there_is_an_error() {
        let none = flags(&[], None).read("config-server", "default").await.unwrap_err();
        let gone =
            flags(&[PathBuf::from("/nowhere")], None).read("config-server", "default").await.unwrap_err();

        assert!(none.to_string().contains("--config-dir"), "{none}");
        assert!(gone.to_string().contains("/nowhere"), "{gone}");
    }
}
