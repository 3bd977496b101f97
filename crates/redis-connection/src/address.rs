//! Where Redis is, in clear text or over TLS.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, RedisError, RedisResult,
    TlsCertificates,
};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// The kernel closes a connection if the other machine has not acknowledged sent data for this time.
const UNACKNOWLEDGED: Duration = Duration::from_secs(2);

/// Where Redis is.
#[derive(Clone, Copy, Debug)]
pub struct RedisAddress<'a> {
    /// `redis://host:port/database`, or `rediss://host:port/database` over TLS. The host is checked against the certificate.
    pub url: &'a str,
    /// A PEM file with the authorities that may sign the certificate of Redis, in place of the public ones.
    pub ca_file: Option<&'a Path>,
}

/// Why an address can't be used. No message contains the address, because it may contain a password.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The library does not understand the address.
    #[error("url is not an address of Redis")]
    Malformed(#[source] RedisError),
    /// `rediss://…#insecure` would accept every certificate.
    #[error("url ends with #insecure, which would accept any certificate: name the authority by tls-ca-file")]
    Unverified,
    /// A file of authorities, and no TLS.
    #[error("tls-ca-file is set, and url does not begin with rediss://")]
    NoTls,
    /// The file of authorities can't be read.
    #[error("tls-ca-file {0} can't be read")]
    Unreadable(PathBuf, #[source] io::Error),
    /// The file of authorities has no certificate of an authority in PEM.
    #[error("tls-ca-file {0} has no certificates of authorities in PEM")]
    NoAuthority(PathBuf),
}

/// A checked address, from which clients for different accounts are made.
#[derive(Clone)]
pub(crate) struct Target {
    info: ConnectionInfo,
    /// For TLS.
    certificates: Option<TlsCertificates>,
}

impl Target {
    /// The account in the address, and the number of the database.
    pub(crate) fn settings(&self) -> &RedisConnectionInfo {
        self.info.redis_settings()
    }

    /// A client with this account.
    pub(crate) fn client(&self, account: RedisConnectionInfo) -> RedisResult<Client> {
        let info = self.info.clone().set_redis_settings(account);
        match &self.certificates {
            None => Client::open(info),
            Some(certificates) => Client::build_with_tls(info, certificates.clone()),
        }
    }
}

impl RedisAddress<'_> {
    pub(crate) fn target(&self) -> Result<Target, AddressError> {
        let tcp = TcpSettings::default().set_nodelay(true).set_user_timeout(UNACKNOWLEDGED);
        let address = self.url.into_connection_info().map_err(AddressError::Malformed)?.set_tcp_settings(tcp);
        let is_tls = match address.addr() {
            ConnectionAddr::TcpTls { insecure: true, .. } => return Err(AddressError::Unverified),
            ConnectionAddr::TcpTls { .. } => true,
            _ => false,
        };
        let certificates = if is_tls {
            // rustls takes the provider that the process has installed. If there is one already, it stays.
            drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
            Some(TlsCertificates { client_tls: None, root_cert: self.authorities()? })
        } else if self.ca_file.is_some() {
            return Err(AddressError::NoTls);
        } else {
            None
        };
        let target = Target { info: address, certificates };
        // It would fail at the first connection only.
        target.client(target.settings().clone()).map_err(AddressError::Malformed)?;
        Ok(target)
    }

    /// The text of the file of authorities. The library takes a file without any certificate for one that trusts nobody, so
    /// that it would fail at the first connection only.
    fn authorities(&self) -> Result<Option<Vec<u8>>, AddressError> {
        let Some(file) = self.ca_file else { return Ok(None) };
        let text = fs::read(file).map_err(|error| AddressError::Unreadable(file.to_owned(), error))?;
        let mut trusted = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&text) {
            certificate
                .ok()
                .and_then(|certificate| trusted.add(certificate).ok())
                .ok_or_else(|| AddressError::NoAuthority(file.to_owned()))?;
        }
        if trusted.is_empty() {
            return Err(AddressError::NoAuthority(file.to_owned()));
        }
        Ok(Some(text))
    }
}
