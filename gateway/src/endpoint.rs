//! A route with one method: the steps from a request to its answer.

use std::sync::Arc;
use std::time::Duration;

use access::Verifier;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use problem::Problem;
use service_host::{Client, Enclosure};

use crate::client_address::TrustedProxies;
use crate::headers::{self, ClientInfo};
use crate::refusal::Refusal;
use crate::revocations::Revocations;
use crate::rewrite::Rewrite;
use crate::routes::Route;
use crate::settings::{Access, PublicSettings, Scheme};
use crate::upstream::Upstream;
use crate::{guard, path, protocol, security_headers};

/// See the module.
pub(crate) struct Endpoint {
    telemetry: telemetry::Route,
    access: Access,
    repeats_by_key: bool,
    rewrite: Option<Rewrite>,
    timeout: Option<Duration>,
    max_body_bytes: Option<usize>,
    revocations: Revocations,
    scheme: Scheme,
    proxies: TrustedProxies,
    upstream: Arc<Upstream>,
}

impl Endpoint {
    pub(crate) fn new(
        method: &'static str,
        pattern: &str,
        route: &Route,
        upstream: Arc<Upstream>,
        revocations: &Revocations,
        public: &PublicSettings,
    ) -> Self {
        Self {
            telemetry: telemetry::Route::new(method, pattern),
            access: route.access,
            repeats_by_key: route.repeats_by_key,
            rewrite: route.rewrite.clone(),
            timeout: route.timeout,
            max_body_bytes: route.max_body_bytes,
            revocations: revocations.clone(),
            scheme: public.scheme,
            proxies: TrustedProxies::new(&public.trusted_proxies),
            upstream,
        }
    }

    /// The enclosure with the limits of this route.
    pub(crate) fn enclosed(&self, enclosure: &Enclosure) -> Enclosure {
        enclosure.with_limits(self.timeout, self.max_body_bytes)
    }

    /// Answers a request of this client.
    pub(crate) async fn answer(&self, request: Request, peer: Client, enclosure: &Enclosure) -> Response {
        let forward = async |request| {
            // Each future around this one would be as large as it, twice.
            let answer = Box::pin(self.forward(request, peer, enclosure.verifier())).await;
            answer.map_err(Problem::from)
        };
        let mut answer = enclosure.run(&self.telemetry, request, forward).await;
        security_headers::add(answer.headers_mut(), peer.is_tls);
        answer
    }

    async fn forward(
        &self,
        mut request: Request,
        peer: Client,
        verifier: &Verifier,
    ) -> Result<Response, Refusal> {
        // Demands one host, and refuses protocols other than HTTP.
        protocol::check(&request)?;
        // Refuses ambiguous paths.
        path::check(&request)?;
        // Checks token, session and role.
        guard::check(self.access, &self.revocations, verifier, request.headers()).await?;
        // Cleans the header fields of the request and, below, of the answer.
        let address = self.proxies.client(peer.address.ip(), request.headers());
        let scheme = if peer.is_tls { Scheme::Https } else { self.scheme };
        let client = ClientInfo { address, host: protocol::host(&request), scheme };
        headers::to_service(&mut request, &client);
        if let Some(rewrite) = &self.rewrite {
            *request.uri_mut() = rewrite.apply(request.uri()).ok_or(Refusal::AmbiguousPath)?;
        }
        // Sends the request to an instance, and to another one if that is safe. Bodies are streamed.
        let mut answer = self.upstream.send(request, self.repeats_by_key).await?;
        headers::to_client(answer.headers_mut());
        Ok(answer.map(Body::new))
    }
}
