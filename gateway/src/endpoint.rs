//! A route with one method: the steps from a request to its answer.

use std::sync::Arc;
use std::time::Duration;

use access::Verifier;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use problem::Problem;
use service_host::{Client, Enclosure};
use tokio::time::Instant;

use crate::client_address::TrustedProxies;
use crate::compression::{self, Compression};
use crate::headers::{self, ClientInfo};
use crate::limits::{Limited, Limits, RouteLimits, Tally};
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
    limits: Option<RouteLimits>,
    compression: Option<Compression>,
    upstream: Arc<Upstream>,
}

/// Why a request is not forwarded.
enum Refused {
    Limited(Limited),
    Otherwise(Refusal),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Otherwise(refusal)
    }
}

impl From<Limited> for Refused {
    fn from(limited: Limited) -> Self {
        Self::Limited(limited)
    }
}

impl Endpoint {
    pub(crate) fn new(
        telemetry: telemetry::Route,
        route: &Route,
        upstream: Arc<Upstream>,
        revocations: &Revocations,
        limits: &Limits,
        compression: Option<Compression>,
        public: &PublicSettings,
    ) -> Self {
        Self {
            telemetry,
            access: route.access,
            repeats_by_key: route.repeats_by_key,
            rewrite: route.rewrite.clone(),
            timeout: route.timeout,
            max_body_bytes: route.max_body_bytes,
            revocations: revocations.clone(),
            scheme: public.scheme,
            proxies: TrustedProxies::new(&public.trusted_proxies),
            limits: limits.of_route(&route.limits),
            compression,
            upstream,
        }
    }

    /// The enclosure with the limits of this route.
    pub(crate) fn enclosed(&self, enclosure: &Enclosure) -> Enclosure {
        enclosure.with_limits(self.timeout, self.max_body_bytes)
    }

    /// Answers a request of this client.
    pub(crate) async fn answer(&self, request: Request, peer: Client, enclosure: &Enclosure) -> Response {
        // It is not later than the end of the enclosure, so that a service that is too late is seen by whoever counts that.
        let end = self.timeout.map(|timeout| Instant::now() + timeout);
        let forward = async |request| {
            // Each future around this one would be as large as it, twice.
            let answer = Box::pin(self.forward(request, peer, enclosure.verifier(), end)).await;
            match answer {
                Ok(answer) => Ok(answer),
                Err(Refused::Limited(limited)) => Ok(limited.into_response()),
                Err(Refused::Otherwise(refusal)) => Err(Problem::from(refusal)),
            }
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
        end: Option<Instant>,
    ) -> Result<Response, Refused> {
        // Demands one host, and refuses protocols other than HTTP.
        protocol::check(&request)?;
        // Refuses ambiguous paths.
        path::check(&request)?;
        let address = self.proxies.client(peer.address.ip(), request.headers());
        // Refuses an address that sends too much.
        let mut tally = Tally::default();
        if let Some(limits) = &self.limits {
            limits.count_address(address, &mut tally).await?;
        }
        // Checks token, session and role.
        let member = guard::check(self.access, &self.revocations, verifier, request.headers()).await?;
        // Refuses a member who sends too much.
        if let (Some(limits), Some(member)) = (&self.limits, member) {
            limits.count_member(member, &mut tally).await?;
        }
        let asked = compression::ask(self.compression.as_ref(), &mut request);
        // Cleans the header fields of the request and, below, of the answer.
        let scheme = if peer.is_tls { Scheme::Https } else { self.scheme };
        let client = ClientInfo { address, host: protocol::host(&request), scheme };
        headers::to_service(&mut request, &client);
        if let Some(rewrite) = &self.rewrite {
            *request.uri_mut() = rewrite.apply(request.uri()).ok_or(Refusal::AmbiguousPath)?;
        }
        // Sends the request to an instance, and to another one if that is safe. Bodies are streamed.
        let mut answer = self.upstream.send(request, self.repeats_by_key, end).await?;
        headers::to_client(answer.headers_mut());
        tally.tell(answer.headers_mut());
        // Compresses the answer, if the client has asked for it.
        match asked {
            Some(asked) => Ok(asked.answered(answer).await?),
            None => Ok(answer.map(Body::new)),
        }
    }
}
