//! Keeping the keys that verify user tokens up to date.

use std::time::Duration;

use access::{Jwks, UserKeys};
use service_client::{ServiceClient, TokenSource};
use tracing::Instrument;

use crate::host::Host;

/// The path at which the issuer of user tokens publishes its keys.
const PATH: &str = "/.well-known/jwks.json";
/// How long one try waits for an instance to appear.
const WAIT_FOR_INSTANCE: Duration = Duration::from_secs(2);

/// Where a service gets the keys of user tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserKeysFrom {
    /// The host fetches them again and again from the service that the setting `access.user-keys-service` names.
    Issuer,
    /// The service issues the tokens itself, and puts its keys into [`Host::user_keys`].
    Itself,
    /// The service serves no users, and accepts no user token.
    Nobody,
}

/// Fetches the keys of `issuer` again and again.
pub(crate) fn keep_fresh(host: &Host, keys: UserKeys, issuer: &str) -> impl Future<Output = ()> + use<> {
    let issuer = ServiceClient::new(issuer, host.discovery(), TokenSource::none(), host.http().clone());
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
