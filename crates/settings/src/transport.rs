//! The HTTP client, and which certificates it trusts.
//!
//! Without a file of authorities, the public ones are trusted; they are compiled in, because the images have no folder of them.
//! The file is read again for each request, so that an authority can be replaced while the process runs.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Client, redirect};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

/// The size limit of an answer. What answers at the address may be anything.
pub(crate) const ANSWER_MAX_BYTES: usize = 32 * 1024 * 1024;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Why no HTTP client can be made.
#[derive(Debug, Error)]
pub enum TransportError {
    /// The file of authorities can't be read.
    #[error("the file of authorities {} can't be read", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// The file of authorities has no certificate of an authority in PEM.
    #[error("the file of authorities {} has no certificate of an authority in PEM", .0.display())]
    NoAuthority(PathBuf),
    /// TLS can't be set up.
    #[error("TLS can't be set up")]
    Tls(#[source] rustls::Error),
    /// The client can't be made.
    #[error("no HTTP client can be made")]
    Client(#[source] reqwest::Error),
}

/// Makes the HTTP client anew when the authorities have changed.
pub(crate) struct Transport {
    ca_file: Option<PathBuf>,
    current: Mutex<Current>,
}

struct Current {
    /// The text of the file of authorities that was read last; empty without a file, or if it could not be read.
    authorities: Vec<u8>,
    client: Client,
}

impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Transport").field("ca_file", &self.ca_file).finish_non_exhaustive()
    }
}

impl Transport {
    /// Trusts the authorities in this file, or the public ones.
    pub(crate) fn new(ca_file: Option<&Path>) -> Result<Self, TransportError> {
        let authorities = ca_file.map(read).transpose()?.unwrap_or_default();
        let client = client(ca_file.map(|file| (file, &*authorities)))?;
        Ok(Self {
            ca_file: ca_file.map(ToOwned::to_owned),
            current: Mutex::new(Current { authorities, client }),
        })
    }

    /// The client of this moment. If the file of authorities has changed and can't be used, the old one stays.
    pub(crate) fn client(&self) -> Client {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = &self.ca_file else { return current.client.clone() };
        let read = read(file);
        let authorities = read.as_deref().unwrap_or_default();
        if authorities != current.authorities {
            // What can't be used is warned of once.
            authorities.clone_into(&mut current.authorities);
            match read.and_then(|authorities| client(Some((file, &authorities)))) {
                Ok(client) => {
                    tracing::info!("the authorities of config-server have changed");
                    current.client = client;
                }
                Err(error) => {
                    let reason = telemetry::chain(&error);
                    tracing::warn!(
                        reason,
                        "the authorities of config-server have changed, and can't be used; the old ones stay"
                    );
                }
            }
        }
        current.client.clone()
    }
}

fn read(file: &Path) -> Result<Vec<u8>, TransportError> {
    fs::read(file).map_err(|error| TransportError::Unreadable(file.to_owned(), error))
}

fn client(authorities: Option<(&Path, &[u8])>) -> Result<Client, TransportError> {
    let mut trusted = RootCertStore::empty();
    match authorities {
        None => trusted.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some((file, text)) => {
            let no_authority = || TransportError::NoAuthority(file.to_owned());
            for certificate in CertificateDer::pem_slice_iter(text) {
                let certificate = certificate.map_err(|_| no_authority())?;
                trusted.add(certificate).map_err(|_| no_authority())?;
            }
            if trusted.is_empty() {
                return Err(no_authority());
            }
        }
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TransportError::Tls)?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(ANSWER_TIMEOUT)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(TransportError::Client)
}

/// What TLS says about a request that has failed.
pub(crate) fn tls_error(error: &reqwest::Error) -> Option<rustls::Error> {
    find_tls_error(error)
}

/// An error of input and output has no source; it has an error inside of it.
fn find_tls_error(error: &(dyn Error + 'static)) -> Option<rustls::Error> {
    if let Some(found) = error.downcast_ref::<rustls::Error>() {
        return Some(found.clone());
    }
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let inner = inner.map(|inner| inner as &(dyn Error + 'static));
    inner.or_else(|| error.source()).and_then(find_tls_error)
}
