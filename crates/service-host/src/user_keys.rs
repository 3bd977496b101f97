//! Keeping the keys that verify users fresh.

use std::time::Duration;

use access::{Jwks, UserKeys};
use peer::{Peer, TokenSource};
use tracing::Instrument;

use crate::host::Host;

/// Where the issuer of user tokens publishes its keys.
const PATH: &str = "/.well-known/jwks.json";
/// How long one try waits for an instance to appear.
const WAIT_FOR_INSTANCE: Duration = Duration::from_secs(2);

/// Where a service has the keys of user tokens from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserKeysFrom {
    /// From the service that the setting `access.user-keys-service` names; kept fresh.
    Issuer,
    /// It issues the tokens itself, and puts its keys into [`Host::user_keys`].
    Itself,
    /// It serves no users, and takes no user's token.
    Nobody,
}

/// Asks `issuer` for its keys, over and over.
pub(crate) fn keep_fresh(host: &Host, keys: UserKeys, issuer: &str) -> impl Future<Output = ()> + use<> {
    let issuer = Peer::new(issuer, host.discovery(), TokenSource::none(), host.http().clone());
    let fetch = move || {
        let issuer = issuer.clone();
        async move {
            issuer.instances().wait_ready(WAIT_FOR_INSTANCE).await;
            issuer.get::<Jwks>(PATH).await
        }
        .instrument(telemetry::work_span("user keys"))
    };
    keys.keep_fresh(fetch)
}
