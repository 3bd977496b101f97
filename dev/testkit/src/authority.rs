//! An authority that signs certificates.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// An authority of its own, with a new key and a new name.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new authority.
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, uuid::Uuid::new_v4().to_string());
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("its own certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Its own certificate, in the PEM format.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for a name and its key, in the PEM format.
    pub fn certify(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        (params.signed_by(&key, &self.issuer).expect("a certificate").pem(), key.serialize_pem())
    }

    /// Writes `cert.pem` and `key.pem` for a name into a folder.
    pub fn write_for(&self, name: &str, change: impl FnOnce(&mut CertificateParams), folder: &Path) {
        let (certificate, key) = self.certify(name, change);
        std::fs::write(folder.join("cert.pem"), certificate).expect("a file");
        std::fs::write(folder.join("key.pem"), key).expect("a file");
    }

    /// Writes its own certificate into a folder, as an operator hands it to clients.
    pub fn file_in(&self, folder: &Path) -> PathBuf {
        let file = folder.join(format!("{}.pem", uuid::Uuid::new_v4()));
        std::fs::write(&file, &self.pem).expect("a file");
        file
    }
}
