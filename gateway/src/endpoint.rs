//! A route with one method: the steps from a request to its answer.

use std::net::IpAddr;
use std::sync::Arc;

use access::Verifier;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use problem::Problem;
use service_host::Enclosure;

use crate::client_address::TrustedProxies;
use crate::headers::{self, ClientInfo};
use crate::limits::{self, Limited, Limits, RouteLimits};
use crate::refusal::Refusal;
use crate::revocations::Revocations;
use crate::routes::Route;
use crate::settings::{Access, PublicSettings, Scheme};
use crate::upstream::Upstream;
use crate::{guard, path, protocol};

/// See the module.
pub(crate) struct Endpoint {
    telemetry: telemetry::Route,
    access: Access,
    repeats_by_key: bool,
    revocations: Revocations,
    scheme: Scheme,
    proxies: TrustedProxies,
    limits: Option<RouteLimits>,
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
        method: &'static str,
        pattern: &str,
        route: &Route,
        upstream: Arc<Upstream>,
        revocations: &Revocations,
        limits: &Limits,
        public: &PublicSettings,
    ) -> Self {
        Self {
            telemetry: telemetry::Route::new(method, pattern),
            access: route.access,
            repeats_by_key: route.repeats_by_key,
            revocations: revocations.clone(),
            scheme: public.scheme,
            proxies: TrustedProxies::new(&public.trusted_proxies),
            limits: limits.of_route(&route.limits),
            upstream,
        }
    }

    /// Answers a request from this address.
    pub(crate) async fn answer(&self, request: Request, peer: IpAddr, enclosure: &Enclosure) -> Response {
        let forward = async |request| {
            // Each future around this one would be as large as it, twice.
            let answer = Box::pin(self.forward(request, peer, enclosure.verifier())).await;
            match answer {
                Ok(answer) => Ok(answer),
                Err(Refused::Limited(limited)) => Ok(limited.into_response()),
                Err(Refused::Otherwise(refusal)) => Err(Problem::from(refusal)),
            }
        };
        enclosure.run(&self.telemetry, request, forward).await
    }

    async fn forward(
        &self,
        mut request: Request,
        peer: IpAddr,
        verifier: &Verifier,
    ) -> Result<Response, Refused> {
        // Demands one host, and refuses protocols other than HTTP.
        protocol::check(&request)?;
        // Refuses ambiguous paths.
        path::check(&request)?;
        let address = self.proxies.client(peer, request.headers());
        // Refuses an address that sends too much.
        let mut counted = Vec::new();
        if let Some(limits) = &self.limits {
            limits.count_address(address, &mut counted).await?;
        }
        // Checks token, session and role.
        let member = guard::check(self.access, &self.revocations, verifier, request.headers()).await?;
        // Refuses a member who sends too much.
        if let (Some(limits), Some(member)) = (&self.limits, member) {
            limits.count_member(member, &mut counted).await?;
        }
        // Cleans the header fields of the request and, below, of the answer.
        let client = ClientInfo { address, host: protocol::host(&request), scheme: self.scheme };
        headers::to_service(request.headers_mut(), &client);
        // Sends the request to an instance, and to another one if that is safe. Bodies are streamed.
        let mut answer = self.upstream.send(request, self.repeats_by_key).await?;
        headers::to_client(answer.headers_mut());
        limits::tell(answer.headers_mut(), &counted);
        Ok(answer.map(Body::new))
    }
}
