//! The settings of one stack that can't be in git: ports, passwords and keys. They are files over those in `config/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::accounts::BATCH;
use crate::error::StackError;
use crate::home::Home;
use crate::secrets::{Secrets, write_private};
use crate::servers::ServerPorts;
use crate::services::{SERVICES, ServiceKind, ServicePorts};

/// A setting with another value than in `config/`.
#[derive(Clone, Debug)]
pub struct Override {
    /// The service, such as `order-api`, or `application` for all.
    pub app: String,
    /// Its key, with dots: `database.url`.
    pub key: String,
    /// Its value.
    pub value: Value,
}

impl Override {
    /// A setting of a service, or of all services if `app` is `application`.
    pub fn new(app: &str, key: &str, value: impl Into<Value>) -> Self {
        Self { app: app.to_owned(), key: key.to_owned(), value: value.into() }
    }
}

/// What the settings are computed from.
pub(crate) struct Inputs<'a> {
    pub(crate) home: &'a Home,
    pub(crate) secrets: &'a Secrets,
    pub(crate) servers: ServerPorts,
    pub(crate) services: &'a BTreeMap<&'static str, ServicePorts>,
    pub(crate) overrides: &'a [Override],
}

/// Writes a file for each service, and one for all.
pub(crate) fn write(inputs: &Inputs<'_>) -> Result<(), StackError> {
    let mut documents = BTreeMap::from([("application".to_owned(), for_all(inputs)?)]);
    for kind in &SERVICES {
        documents.insert(kind.name.to_owned(), for_service(kind, inputs)?);
    }
    for change in inputs.overrides {
        set(documents.entry(change.app.clone()).or_default(), &change.key, change.value.clone());
    }
    documents.iter().try_for_each(|(app, document)| write_document(inputs.home, app, document))
}

/// Changes a file that was written.
pub(crate) fn change(home: &Home, change: &Override) -> Result<(), StackError> {
    let path = path(home, &change.app);
    let text = fs::read_to_string(&path).map_err(StackError::io(format!("reading {}", path.display())))?;
    let mut document: Value = serde_saphyr::from_str(&text)
        .map_err(StackError::secret(format!("reading the settings of {}", change.app)))?;
    set(&mut document, &change.key, change.value.clone());
    write_document(home, &change.app, &document)
}

fn write_document(home: &Home, app: &str, document: &Value) -> Result<(), StackError> {
    let path = path(home, app);
    let text = serde_saphyr::to_string(document)
        .map_err(StackError::secret(format!("writing the settings of {app}")))?;
    let text = format!("# Each start of the stack writes this file; changes to it are lost.\n{text}");
    write_private(&path, &text).map_err(StackError::io(format!("writing {}", path.display())))
}

fn path(home: &Home, app: &str) -> PathBuf {
    home.config().join(format!("{app}.yml"))
}

fn for_all(inputs: &Inputs<'_>) -> Result<Value, StackError> {
    let mut service_keys = BTreeMap::new();
    for kind in SERVICES.iter().filter(|kind| kind.calls_services) {
        service_keys.insert(kind.name, inputs.secrets.token_key(kind.name)?.public);
    }
    Ok(json!({
        "consul": { "url": format!("http://127.0.0.1:{}", inputs.servers.consul) },
        "access": { "service-keys": service_keys },
    }))
}

fn for_service(kind: &ServiceKind, inputs: &Inputs<'_>) -> Result<Value, StackError> {
    let Inputs { secrets, servers, services, .. } = inputs;
    let sealing_key = secrets.sealing_key()?;
    let seal = |value: &str| {
        let sealed = sealing_key.seal(value).map_err(StackError::secret("sealing a setting"))?;
        Ok::<_, StackError>(json!(sealed.to_string()))
    };

    let mut document = Value::default();
    if let Some(ports) = services.get(kind.name) {
        set(&mut document, "server.address", json!(format!("127.0.0.1:{}", ports.serving)));
        set(&mut document, "management.address", json!(format!("127.0.0.1:{}", ports.management)));
    }
    if let Some(schema) = kind.schema {
        let url = format!("mysql://127.0.0.1:{}/{schema}", servers.database);
        set(&mut document, "database.url", json!(url));
        set(&mut document, "database.username", json!(schema));
        set(&mut document, "database.password", seal(&secrets.database_password(schema)?)?);
    }
    if kind.calls_services {
        let key = secrets.token_key(kind.name)?;
        set(&mut document, "access.service-signing-key", seal(&key.private)?);
    }
    if kind.name == "order-api" {
        let url = format!("mysql://127.0.0.1:{}/{BATCH}", servers.database);
        set(&mut document, "batch-database.url", json!(url));
        set(&mut document, "batch-database.username", json!(BATCH));
        set(&mut document, "batch-database.password", seal(&secrets.database_password(BATCH)?)?);
    }
    if kind.uses_redis {
        set(&mut document, "redis.url", json!(format!("redis://127.0.0.1:{}", servers.redis)));
    }
    if kind.name == "member-api" {
        let key = secrets.token_key("user-tokens")?;
        set(&mut document, "tokens.signing-keys", json!([seal(&key.private)?]));
        set(&mut document, "otp.keys", json!([seal(&secrets.otp_key()?)?]));
    }
    Ok(document)
}

/// Sets a value under a dotted key, and creates the objects on the way.
pub(crate) fn set(document: &mut Value, key: &str, value: Value) {
    let mut place = document;
    for word in key.split('.') {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[word];
    }
    *place = value;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::SCHEMAS;

    #[test]
    fn overrides_reach_into_sections_and_leave_their_neighbours() {
        let mut document = json!({ "database": { "url": "mysql://one", "username": "orders" } });
        set(&mut document, "database.url", json!("mysql://other"));
        set(&mut document, "checkout.lease-ms", json!(500));
        assert_eq!(
            document,
            json!({
                "database": { "url": "mysql://other", "username": "orders" },
                "checkout": { "lease-ms": 500 },
            })
        );
    }

    #[test]
    fn no_secret_is_written_in_the_clear() {
        let checkout = tempfile::tempdir().unwrap();
        let home = Home::lasting(checkout.path());
        home.create().unwrap();
        let secrets = Secrets::open(&home);
        let ports = ServicePorts { serving: 1, management: 2 };
        let services = SERVICES.iter().map(|kind| (kind.name, ports)).collect();
        let servers = ServerPorts { database: 3306, redis: 6379, consul: 8500 };

        write(&Inputs { home: &home, secrets: &secrets, servers, services: &services, overrides: &[] })
            .unwrap();

        let mut all = String::new();
        for file in std::fs::read_dir(home.config()).unwrap() {
            all.push_str(&std::fs::read_to_string(file.unwrap().path()).unwrap());
        }
        for schema in SCHEMAS {
            assert!(!all.contains(&secrets.database_password(schema).unwrap()));
        }
        for signer in ["member-api", "order-api", "gateway", "user-tokens"] {
            assert!(!all.contains(&secrets.token_key(signer).unwrap().private));
        }
        assert!(!all.contains(&secrets.otp_key().unwrap()));
        assert_eq!(all.matches("{cipher}{key:local}").count(), 9);
    }
}
