//! The keys, passwords and settings of the containers of docker-compose.yml.
//!
//! | folder | what is in it |
//! |---|---|
//! | `keys` | what is generated, once; only its owner can read it, and no container gets it |
//! | `mounted` | what is made of it at each run, and given to the containers, to each its own files |
//! | `settings` | the operator's own settings; nothing here writes into it |
//!
//! A container has another user than the host, so the files in `mounted` can be read by all. The folder around them can't: on
//! the host, only its owner gets to them.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use serde_json::{Value, json};

use crate::accounts::{BATCH, init_sql_for_containers};
use crate::error::StackError;
use crate::overlay::set;
use crate::secrets::Secrets;
use crate::services::{SERVICES, ServiceKind};

const FOR_CONTAINERS: u32 = 0o444;
/// The other owners of tokens of Consul, besides the services.
const CONSUL_OWNERS: [&str; 2] = ["agent", "management"];

/// Makes what is missing in the folder, and writes the files for the containers anew.
pub fn write_compose_secrets(folder: &Path) -> Result<(), StackError> {
    let (keys, mounted) = (folder.join("keys"), folder.join("mounted"));
    let (settings, own) = (mounted.join("config"), folder.join("settings"));
    for (path, mode) in [(&keys, 0o700), (&mounted, 0o700), (&settings, 0o755), (&own, 0o755)] {
        let making = || StackError::io(format!("making {}", path.display()));
        fs::DirBuilder::new().recursive(true).mode(mode).create(path).map_err(making())?;
        // The mode above is less what the user's umask takes away.
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(making())?;
    }
    let secrets = Secrets::of_folder(&keys);
    for (name, text) in files(&secrets)? {
        replace(&mounted.join(name), &text)?;
    }
    for kind in &SERVICES {
        write_document(&settings, kind.name, &settings_of(kind, &secrets)?)?;
    }
    write_document(&settings, "application", &settings_of_all(&secrets)?)
}

/// The files of the servers and the services, by name.
fn files(secrets: &Secrets) -> Result<Vec<(String, String)>, StackError> {
    let read =
        |path: &Path| fs::read_to_string(path).map_err(StackError::io(format!("reading {}", path.display())));
    secrets.sealing_key()?;
    let apps: Vec<&str> = SERVICES.iter().map(|kind| kind.name).collect();
    let redis = secrets.redis_password()?;
    let mut files = vec![
        ("mysql-init.sql".to_owned(), init_sql_for_containers(secrets, false)?),
        ("mariadb-init.sql".to_owned(), init_sql_for_containers(secrets, true)?),
        ("redis.conf".to_owned(), format!("requirepass {redis}\n")),
        ("redis.password".to_owned(), redis),
        ("sealing.key".to_owned(), read(&secrets.opening_key_file())?),
        ("config-server-credentials.yml".to_owned(), read(&secrets.write_credentials(&apps)?)?),
    ];
    for app in &apps {
        files.push((format!("{app}.config-password"), secrets.config_password(app)?));
    }
    for owner in apps.iter().chain(&CONSUL_OWNERS) {
        files.push((format!("consul-{owner}.token"), secrets.consul_token(owner)?));
    }
    Ok(files)
}

fn settings_of_all(secrets: &Secrets) -> Result<Value, StackError> {
    let mut document = Value::default();
    for kind in SERVICES.iter().filter(|kind| kind.calls_services) {
        let key = format!("access.service-keys.{}", kind.name);
        set(&mut document, &key, json!(secrets.token_key(kind.name)?.public));
    }
    Ok(document)
}

fn settings_of(kind: &ServiceKind, secrets: &Secrets) -> Result<Value, StackError> {
    let sealing_key = secrets.sealing_key()?;
    let seal = |value: &str| {
        let sealed = sealing_key.seal(value).map_err(StackError::secret("sealing a setting"))?;
        Ok::<_, StackError>(json!(sealed.to_string()))
    };
    let mut document = Value::default();
    set(&mut document, "consul.token", seal(&secrets.consul_token(kind.name)?)?);
    if let Some(schema) = kind.schema {
        set(&mut document, "database.password", seal(&secrets.database_password(schema)?)?);
    }
    if kind.calls_services {
        set(&mut document, "access.service-signing-key", seal(&secrets.token_key(kind.name)?.private)?);
    }
    if kind.uses_redis {
        set(&mut document, "redis.url", json!("redis://redis:6379/0"));
        set(&mut document, "redis.password", seal(&secrets.redis_password()?)?);
    }
    if kind.name == "order-api" {
        set(&mut document, "batch-database.password", seal(&secrets.database_password(BATCH)?)?);
    }
    if kind.name == "member-api" {
        let key = secrets.token_key("user-tokens")?;
        set(&mut document, "tokens.signing-keys", json!([seal(&key.private)?]));
        set(&mut document, "otp.keys", json!([seal(&secrets.otp_key()?)?]));
    }
    Ok(document)
}

fn write_document(folder: &Path, app: &str, document: &Value) -> Result<(), StackError> {
    let text = serde_saphyr::to_string(document)
        .map_err(StackError::secret(format!("writing the settings of {app}")))?;
    let text = format!("# `cargo xtask compose secrets` writes this file; changes to it are lost.\n{text}");
    replace(&folder.join(format!("{app}.yml")), &text)
}

/// Writes the file in place: a container that has it sees the new text. It is written only if it differs.
fn replace(path: &Path, text: &str) -> Result<(), StackError> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    let writing = || StackError::io(format!("writing {}", path.display()));
    if path.exists() {
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).map_err(writing())?;
    }
    fs::write(path, text).map_err(writing())?;
    fs::set_permissions(path, fs::Permissions::from_mode(FOR_CONTAINERS)).map_err(writing())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;

    fn texts(folder: &Path) -> BTreeMap<PathBuf, String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries
            .filter(|path| path.is_file())
            .map(|path| {
                let text = fs::read_to_string(&path).unwrap();
                (path, text)
            })
            .collect()
    }

    #[test]
    fn a_second_run_keeps_every_secret() {
        let folder = tempfile::tempdir().unwrap();
        write_compose_secrets(folder.path()).unwrap();
        let first = texts(&folder.path().join("mounted"));
        write_compose_secrets(folder.path()).unwrap();
        assert_eq!(texts(&folder.path().join("mounted")), first);
        assert!(first.len() > 15);
    }

    #[test]
    fn what_an_operator_has_set_stays() {
        let folder = tempfile::tempdir().unwrap();
        write_compose_secrets(folder.path()).unwrap();
        let own = folder.path().join("settings/gateway.yml");
        fs::write(&own, "public: { scheme: https }\n").unwrap();
        write_compose_secrets(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(own).unwrap(), "public: { scheme: https }\n");
    }

    #[test]
    fn on_the_host_only_their_owner_gets_to_them_and_settings_hold_no_secret_in_the_clear() {
        let folder = tempfile::tempdir().unwrap();
        write_compose_secrets(folder.path()).unwrap();

        for name in ["keys", "mounted"] {
            let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{name}");
        }
        let settings: String = texts(&folder.path().join("mounted/config")).into_values().collect();
        for (path, secret) in texts(&folder.path().join("keys")) {
            assert!(!settings.contains(secret.trim()), "{}", path.display());
        }
    }

    #[test]
    fn accounts_of_containers_can_use_their_own_schema_only() {
        let folder = tempfile::tempdir().unwrap();
        write_compose_secrets(folder.path()).unwrap();
        let sql = fs::read_to_string(folder.path().join("mounted/mysql-init.sql")).unwrap();
        let grants: Vec<&str> = sql.lines().filter(|line| line.starts_with("GRANT")).collect();
        assert_eq!(
            grants,
            ["member", "store", "orders", "batch"]
                .map(|schema| format!("GRANT ALL PRIVILEGES ON `{schema}`.* TO '{schema}'@'%';"))
        );
    }
}
