//! What the host gives a service at its start.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use access::{ServiceTokens, UserKeys, Verifier};
use clock::Clock;
use discovery::{Consul, Discovery, Instances};
use service_client::{ServiceClient, TokenSource};
use tokio_util::sync::CancellationToken;

/// The process in which a service runs.
#[derive(Debug)]
pub struct Host {
    pub(crate) service: &'static str,
    pub(crate) clock: Clock,
    pub(crate) consul: Consul,
    pub(crate) discovery: Discovery,
    pub(crate) http: reqwest::Client,
    pub(crate) tokens: ServiceTokens,
    pub(crate) access: access::Settings,
    pub(crate) verifier: Verifier,
    pub(crate) shutdown: CancellationToken,
    /// The services that this one calls, for the readiness report.
    pub(crate) called_services: Mutex<BTreeMap<String, Instances>>,
}

impl Host {
    /// The service's name.
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// The source of time and ids.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Finds the instances of other services.
    pub fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    /// The HTTP client for calls that no [`ServiceClient`] makes.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Verifies tokens. Every router that this process serves has it already.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The section `access` of the settings, for the service that issues user tokens.
    pub fn access(&self) -> &access::Settings {
        &self.access
    }

    /// The keys that verify users. A service with [`crate::UserKeysFrom::Itself`] puts its own in.
    pub fn user_keys(&self) -> &UserKeys {
        self.verifier.user_keys()
    }

    /// A client of another service, with the tokens of this one. The other service is in the readiness report, as something that
    /// this service can do without.
    pub fn service_client(&self, service: &str) -> anyhow::Result<ServiceClient> {
        let tokens = self.tokens.clone();
        anyhow::ensure!(
            tokens.can_sign(),
            "access.service-signing-key is missing, and {} calls {service}",
            self.service
        );
        let tokens = TokenSource::new(move |audience| tokens.token_for(audience));
        let client = ServiceClient::new(service, &self.discovery, tokens, self.http.clone());
        let mut called_services = self.called_services.lock().unwrap_or_else(PoisonError::into_inner);
        called_services.insert(service.to_owned(), client.instances().clone());
        Ok(client)
    }

    /// Is cancelled when the process stops. Then workers finish their current step and end.
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }
}
