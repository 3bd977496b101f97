use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;

/// The section `database`: one service's own schema.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// Where the schema is: `mysql://host:port/schema`, without an account.
    #[garde(custom(is_mysql_url))]
    pub url: String,
    /// The account, which can open no other schema.
    #[garde(length(min = 1))]
    pub username: String,
    /// Its password; sealed in the settings.
    #[garde(skip)]
    pub password: SecretString,
    /// Whether the connection is encrypted. MySQL's own accounts need it, MariaDB's on the same host do not.
    #[garde(skip)]
    #[serde(default)]
    pub tls: Tls,
    /// A file with the certificates that the server's must be signed by; needed where `tls` is `verified`.
    #[garde(custom(is_given_when_verified(self.tls)))]
    #[serde(default)]
    pub tls_ca_file: Option<std::path::PathBuf>,
    /// How many connections this process opens at most.
    #[garde(range(min = 1, max = 1_000))]
    #[serde(default = "default_max_connections")]
    pub max_connections: u32,
    /// How long a request waits for a free connection, and then for a new one to open, before it is answered 503.
    #[garde(range(min = 1, max = 60_000))]
    #[serde(default = "default_acquire_timeout_ms")]
    pub acquire_timeout_ms: u64,
    /// How long a statement waits for another transaction's row lock before the transaction is tried again.
    #[garde(range(min = 1, max = 50))]
    #[serde(default = "default_lock_wait_timeout_s")]
    pub lock_wait_timeout_s: u32,
    /// How long a statement may run. Then the server ends it where it can; a second later its connection is given up.
    #[garde(range(min = 100, max = 600_000))]
    #[serde(default = "default_statement_timeout_ms")]
    pub statement_timeout_ms: u64,
}

/// How the connection to the server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// In the clear.
    Disabled,
    /// Encrypted where the server offers it.
    #[default]
    Preferred,
    /// Encrypted, to whoever answers.
    Required,
    /// Encrypted, to a server whose certificate names it and is signed by `tls-ca-file`.
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
