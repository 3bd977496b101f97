//! The things that failures are counted for: an account, an address, or both. They are stored as keyed hashes, so that a copy of
//! the tables does not show who tried to sign in from where. (A hash without a key would not hide an IPv4 address, because all
//! addresses can be tried.)

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use uuid::Uuid;

use crate::members::Email;

/// A keyed hash.
pub type Subject = [u8; 32];

/// What an attempt is counted for.
#[derive(Clone, Copy, Debug)]
pub struct Subjects {
    /// The account with the email, even if there is none.
    pub account: Subject,
    /// Where the attempt comes from, if that is known.
    pub origin: Option<Origin>,
}

/// Where an attempt comes from.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The address, as a place where a member may have signed in before.
    pub place: Subject,
    /// The address, for attempts on all accounts.
    pub address: Subject,
    /// The address and this account.
    pub account_here: Subject,
}

/// The key of the hashes.
#[derive(Clone)]
pub struct SubjectKey(Arc<Hmac<Sha256>>);

impl SubjectKey {
    /// A key from a secret.
    pub fn new(secret: &SecretString) -> Self {
        let key = Hmac::new_from_slice(secret.expose_secret().as_bytes());
        let mut key: Hmac<Sha256> = key.expect("HMAC takes keys of any length");
        key.update(b"sign-in subjects\0");
        Self(Arc::new(key))
    }

    /// The subjects of an attempt on the account with this email.
    pub fn of_sign_in(&self, email: &Email, address: Option<IpAddr>) -> Subjects {
        let email = email.as_str().as_bytes();
        Subjects {
            account: self.hash("account", &[email]),
            origin: address.map(|address| {
                let network = network(address);
                Origin {
                    place: self.place(address),
                    address: self.hash("address", &[&network]),
                    account_here: self.hash("account at address", &[&network, email]),
                }
            }),
        }
    }

    /// The subject of a sign-up from an address.
    pub fn of_sign_up(&self, address: IpAddr) -> Subject {
        self.hash("sign-up address", &[&network(address)])
    }

    /// Whose Idempotency-Keys a client's are: those of the address itself, and not of its network. The ids of members have another
    /// version.
    pub fn owner_of_keys(&self, address: Option<IpAddr>) -> Uuid {
        let address = address.map(|address| address.to_string()).unwrap_or_default();
        let hash = self.hash("idempotency keys", &[address.as_bytes()]);
        let [id, _] = hash.as_chunks::<16>().0 else { return Uuid::nil() };
        uuid::Builder::from_custom_bytes(*id).into_uuid()
    }

    /// The place of an address.
    pub fn place(&self, address: IpAddr) -> Subject {
        self.hash("place", &[&network(address)])
    }

    fn hash(&self, kind: &str, parts: &[&[u8]]) -> Subject {
        let mut hash = Hmac::clone(&self.0);
        for part in [kind.as_bytes()].iter().chain(parts) {
            hash.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into_bytes().into()
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectKey(..)")
    }
}

/// Returns what one subscriber has: an IPv4 address, or an IPv6 network of 64 bits.
fn network(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets()[..8].to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn network_of(address: &str) -> Vec<u8> {
        network(address.parse().unwrap())
    }

    #[test]
    fn the_addresses_of_one_subscriber_are_one_subject() {
        assert_eq!(network_of("2001:db8:1:2::1"), network_of("2001:db8:1:2:ffff::9"));
        assert_ne!(network_of("2001:db8:1:2::1"), network_of("2001:db8:1:3::1"));
        assert_eq!(network_of("::ffff:192.0.2.1"), network_of("192.0.2.1"));
        assert_ne!(network_of("192.0.2.1"), network_of("192.0.2.2"));
    }

    #[test]
    fn each_kind_and_each_key_has_its_own_hashes() {
        let email = Email::from("kim@example.com".to_owned());
        let mut all = HashSet::new();
        for key in ["one", "other"] {
            let key = SubjectKey::new(&key.to_owned().into());
            for address in ["192.0.2.1", "192.0.2.2"] {
                let address: IpAddr = address.parse().unwrap();
                let origin = key.of_sign_in(&email, Some(address)).origin.unwrap();
                all.extend([origin.place, origin.address, origin.account_here, key.of_sign_up(address)]);
            }
            all.insert(key.of_sign_in(&email, None).account);
        }
        assert_eq!(all.len(), 18);
    }
}
