//! TLS, with a certificate that is read again when its files change.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(5);

/// The protocols that are offered, the best first.
const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// A certificate with its key, for all connections of a port.
pub(crate) struct Tls {
    files: Files,
    config: ArcSwap<ServerConfig>,
    /// A hash of the files that are used, or that were refused. 0 if they could not be read.
    seen: Mutex<u64>,
}

struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// A certificate and its key that can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("{0} can't be read")]
    Unreadable(PathBuf, #[source] std::io::Error),
    #[error("{0} is not in the PEM format")]
    Malformed(PathBuf, #[source] rustls_pki_types::pem::Error),
    #[error("{0} has no certificate")]
    NoCertificate(PathBuf),
    #[error("the certificate in {0} and the key in {1} do not belong together, or can't be used")]
    Unusable(PathBuf, PathBuf, #[source] rustls::Error),
}

impl Tls {
    /// Reads the files.
    pub(crate) fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let files = Files { certificate: certificate.to_owned(), key: key.to_owned() };
        let (certificate, key) = files.read()?;
        let config = files.config(&certificate, &key)?;
        let seen = Mutex::new(digest(&certificate, &key));
        Ok(Self { files, config: ArcSwap::from_pointee(config), seen })
    }

    /// Reads the files again whenever they change. A pair that can't be used is not taken: the old one stays.
    pub(crate) async fn keep_fresh(self: Arc<Self>) {
        loop {
            tokio::time::sleep(INTERVAL).await;
            let this = Arc::clone(&self);
            // It ends with an error only if the process ends.
            let _ = tokio::task::spawn_blocking(move || this.refresh()).await;
        }
    }

    /// Takes the files if they have changed.
    pub(super) fn refresh(&self) {
        match self.changed() {
            Ok(None) => {}
            Ok(Some(config)) => {
                self.config.store(Arc::new(config));
                tracing::info!("the certificate has changed; new connections get the new one");
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    "the files of the certificate have changed, and can't be used; the old one stays"
                );
            }
        }
    }

    fn changed(&self) -> Result<Option<ServerConfig>, TlsError> {
        let read = self.files.read();
        let digest = read.as_ref().map_or(0, |(certificate, key)| digest(certificate, key));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // What is refused is warned of once.
        if std::mem::replace(&mut *seen, digest) == digest {
            return Ok(None);
        }
        drop(seen);
        let (certificate, key) = read?;
        self.files.config(&certificate, &key).map(Some)
    }

    /// Agrees with the client on keys and on the protocol.
    pub(super) async fn accept<S>(&self, socket: S) -> std::io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        TlsAcceptor::from(self.config.load_full()).accept(socket).await
    }
}

impl Files {
    fn read(&self) -> Result<(Vec<u8>, Vec<u8>), TlsError> {
        let read =
            |path: &Path| std::fs::read(path).map_err(|error| TlsError::Unreadable(path.to_owned(), error));
        Ok((read(&self.certificate)?, read(&self.key)?))
    }

    fn config(&self, certificate: &[u8], key: &[u8]) -> Result<ServerConfig, TlsError> {
        let Self { certificate: certificate_file, key: key_file } = self;
        let chain = CertificateDer::pem_slice_iter(certificate).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| TlsError::Malformed(certificate_file.clone(), error))?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate(certificate_file.clone()));
        }
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| TlsError::Malformed(key_file.clone(), error))?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
        let mut config =
            config.map_err(|error| TlsError::Unusable(certificate_file.clone(), key_file.clone(), error))?;
        config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        Ok(config)
    }
}

/// Whether the client has chosen HTTP/2.
pub(super) fn is_http2<S>(stream: &TlsStream<S>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP2)
}

fn digest(certificate: &[u8], key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (certificate, key).hash(&mut hasher);
    hasher.finish()
}
