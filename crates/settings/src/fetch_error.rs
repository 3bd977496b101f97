//! Why settings can't be fetched.

use thiserror::Error;

use crate::error::SettingsError;
use crate::snapshot::SnapshotError;
use crate::transport::{ANSWER_MAX_BYTES, TransportError};

/// Why the settings can't be fetched, also later.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The address can't be the base of others.
    #[error("{0} is not the address of a config server; one looks like http://localhost:8888")]
    Address(String),
    /// There is no address.
    #[error("the address of a config server is missing")]
    NoServer,
    /// The address has a user or a password, which would be seen in logs and in the list of processes.
    #[error(
        "the address of the config server can't have a user or a password: they have settings of their own"
    )]
    SecretInAddress,
    /// The address has another scheme.
    #[error("the config server is asked by http or https, and not by {0}")]
    Scheme(String),
    /// There is a file of authorities, and no address needs it.
    #[error("there is a file of authorities for config-server, and no address begins with https://")]
    NoTls,
    /// The server has a certificate that no known authority vouches for, or that is for another host or time.
    #[error(
        "the certificate of config-server at {server} is not trusted (--config-ca-file names its authority)"
    )]
    Untrusted {
        /// The address of the server.
        server: String,
        /// What is wrong with the certificate.
        #[source]
        source: rustls::Error,
    },
    /// The address begins with `https://`, and the server does not speak TLS.
    #[error("what answers at {server} does not speak TLS; is it asked by http://?")]
    Clear {
        /// The address of the server.
        server: String,
        /// What came in place of TLS.
        #[source]
        source: rustls::Error,
    },
    /// The answer is too large.
    #[error("what answers at {server} sends more than {ANSWER_MAX_BYTES} bytes")]
    TooLarge {
        /// The address of the server.
        server: String,
    },
    /// The HTTP client can't be made.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// There can be no snapshot.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The server does not give this application its settings.
    #[error("config-server at {server} refuses `{application}`: {refusal}")]
    Refused {
        /// The address of the server.
        server: String,
        /// The application that asked.
        application: String,
        /// The status and the detail of the answer.
        refusal: String,
    },
    /// The answer is not that of a config server.
    #[error("what answers at {server} is not a config server")]
    Foreign {
        /// The address of the server.
        server: String,
        /// Why the answer can't be read.
        #[source]
        source: serde_json::Error,
    },
    /// The settings can't be merged.
    #[error("the settings that config-server sent for `{application}` can't be used")]
    Settings {
        /// The application that asked.
        application: String,
        /// Which keys are wrong.
        #[source]
        source: SettingsError,
    },
}

/// Why one try failed.
pub(crate) enum Failure {
    /// A later try may succeed.
    Transient(String),
    /// A later try would fail as well.
    Permanent(FetchError),
}
