use garde::Validate;
use serde::Deserialize;
use settings::{Live, Password, Username};

/// The section `database`: the schema of one service.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// Where the schema is: `mysql://host:port/schema`, without an account.
    #[garde(custom(is_mysql_url))]
    pub url: String,
    /// The account, which can open no other schema.
    #[garde(dive)]
    pub username: Live<Username>,
    /// Its password; sealed in the settings. New connections are opened with a new account and password, and old connections end by
    /// themselves within half an hour.
    #[garde(dive)]
    pub password: Live<Password>,
    /// Whether the connection is encrypted. MySQL's accounts need it; MariaDB's accounts on the same host do not.
    #[garde(skip)]
    #[serde(default)]
    pub tls: Tls,
    /// A file with the certificates of the authorities that may have signed the server's certificate; needed where `tls` is
    /// `verified`.
    #[garde(custom(is_given_when_verified(self.tls)))]
    #[serde(default)]
    pub tls_ca_file: Option<std::path::PathBuf>,
    /// The largest number of connections in the pool of this section. order-api has four more to the schema `orders`, for the
    /// settlement.
    #[garde(range(min = 1, max = 1_000))]
    #[serde(default = "default_max_connections")]
    pub max_connections: u32,
    /// How long a request waits for a free connection, and then for a new one to open, before it is answered 503.
    #[garde(range(min = 1, max = 60_000))]
    #[serde(default = "default_acquire_timeout_ms")]
    pub acquire_timeout_ms: u64,
    /// How long a statement waits for a row lock of another transaction, before its own transaction is retried.
    #[garde(range(min = 1, max = 50))]
    #[serde(default = "default_lock_wait_timeout_s")]
    pub lock_wait_timeout_s: u32,
    /// How long a statement may run. Then the server ends it if it can; a second later its connection is closed.
    #[garde(range(min = 100, max = 600_000))]
    #[serde(default = "default_statement_timeout_ms")]
    pub statement_timeout_ms: u64,
}

/// How the connection to the server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// Not encrypted.
    Disabled,
    /// Encrypted if the server offers it.
    #[default]
    Preferred,
    /// Encrypted; the server's certificate is not verified.
    Required,
    /// Encrypted; the server's certificate names its host and is signed by an authority in `tls-ca-file`.
    Verified,
}

fn default_max_connections() -> u32 {
    32
}

fn default_acquire_timeout_ms() -> u64 {
    2_000
}

fn default_lock_wait_timeout_s() -> u32 {
    5
}

fn default_statement_timeout_ms() -> u64 {
    10_000
}

fn is_mysql_url(url: &str, _context: &()) -> garde::Result {
    let schema = url.strip_prefix("mysql://").and_then(|rest| rest.split_once('/')).map(|(_, schema)| schema);
    match schema {
        Some(schema) if !schema.is_empty() && !url.contains('@') => Ok(()),
        _ => Err(garde::Error::new("must be mysql://host:port/schema, without an account")),
    }
}

fn is_given_when_verified(tls: Tls) -> impl FnOnce(&Option<std::path::PathBuf>, &()) -> garde::Result {
    move |file, _context| match (tls, file) {
        (Tls::Verified, None) => Err(garde::Error::new("is needed where tls is `verified`")),
        _ => Ok(()),
    }
}
