//! Everything that says where a request goes: the endpoints, and the origins that may call them. It is made as a whole and
//! replaced as a whole, so that a request meets either all of the old settings or all of the new ones.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use axum::extract::Request;
use axum::http::{self, HeaderMap, HeaderValue, Uri, header};
use discovery::Discovery;
use service_host::live::Unusable;
use tower_http::cors::CorsLayer;

use crate::client_address::TrustedProxies;
use crate::compression::Compression;
use crate::cors;
use crate::endpoint::Endpoint;
use crate::limits::{Limits, LimitsError};
use crate::predicates::Predicates;
use crate::revocations::Revocations;
use crate::routes::{Route, Routes, RoutesError};
use crate::settings::{Method, TableSettings};
use crate::upstream::Upstreams;

/// See the module.
pub(crate) struct Table {
    paths: matchit::Router<Path>,
    cors: Option<CorsLayer>,
    proxies: TrustedProxies,
    compression: Compression,
    routes: Routes,
    upstreams: Upstreams,
    limits: Limits,
}

/// The settings can't be a table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A route has a fault.
    #[error(transparent)]
    Routes(#[from] RoutesError),
    /// The limits have one.
    #[error(transparent)]
    Limits(#[from] LimitsError),
}

impl TableError {
    /// It, with the key to correct.
    pub(crate) fn unusable(self) -> Unusable {
        match self {
            Self::Routes(RoutesError { key, fault }) => Unusable::at(key, &fault),
            Self::Limits(LimitsError(error)) => Unusable::at("redis", &error),
        }
    }
}

/// The endpoints of a path pattern.
struct Path {
    /// A path has a few methods at most, so a list is searched faster than a map.
    methods: Vec<(http::Method, Vec<Candidate>)>,
    allowed: HeaderValue,
}

/// An endpoint, if a request is what it asks for.
struct Candidate {
    predicates: Predicates,
    endpoint: Arc<Endpoint>,
}

/// What the table knows of a request.
pub(crate) enum Found<'a> {
    /// It is passed on.
    Endpoint(&'a Arc<Endpoint>),
    /// The path has other methods only: the value of `Allow`.
    OtherMethod(&'a HeaderValue),
    /// No route takes it.
    Nothing,
}

impl Table {
    /// Checks the settings, and starts to watch their services.
    pub(crate) fn new(
        settings: &TableSettings,
        discovery: &Discovery,
        revocations: &Revocations,
    ) -> Result<Self, TableError> {
        let routes = Routes::new(settings)?;
        let limits = Limits::new(settings)?;
        Ok(Self::of(routes, settings, Upstreams::new(settings, discovery), revocations, limits))
    }

    /// The table of other settings, which brings its own services and policies: of limits, times, retries, breakers and requests
    /// at once. What was counted and learnt stays, where a policy keeps its name and a service its settings.
    pub(crate) fn with(
        &self,
        settings: &TableSettings,
        revocations: &Revocations,
    ) -> Result<Self, TableError> {
        let routes = Routes::new(settings)?;
        let limits = self.limits.with(settings)?;
        Ok(Self::of(routes, settings, self.upstreams.with(settings), revocations, limits))
    }

    fn of(
        routes: Routes,
        settings: &TableSettings,
        upstreams: Upstreams,
        revocations: &Revocations,
        limits: Limits,
    ) -> Self {
        let mut paths = matchit::Router::new();
        let compression = Compression::new(&settings.compression);
        for (pattern, listed) in routes.iter() {
            let mut path = Path { methods: Vec::new(), allowed: allowed(listed) };
            for route in listed {
                let upstream = upstreams.get(&route.service).expect("the services have been checked");
                let upstream = match route.timeout {
                    Some(timeout) => upstream.with_first_byte_timeout(timeout),
                    None => upstream,
                };
                for method in methods(&route.methods) {
                    let endpoint = Endpoint::new(
                        telemetry::Route::new(label(&method), pattern),
                        route,
                        Arc::clone(&upstream),
                        revocations,
                        &limits,
                        route.compresses.then(|| compression.clone()),
                        &settings.public,
                    );
                    path.add(method, route.predicates.clone(), endpoint);
                }
            }
            paths.insert(pattern, path).expect("the route table has been checked");
        }
        let cors = cors::layer(&settings.cors.allowed_origins);
        let proxies = TrustedProxies::new(&settings.public.trusted_proxies);
        Self { paths, cors, proxies, compression, routes, upstreams, limits }
    }

    /// Looks up a request.
    pub(crate) fn find(&self, request: &Request) -> Found<'_> {
        let Ok(path) = self.paths.at(request.uri().path()) else { return Found::Nothing };
        let path = path.value;
        let Some((_, candidates)) = path.methods.iter().find(|(method, _)| method == request.method()) else {
            return Found::OtherMethod(&path.allowed);
        };
        let host = || host(request.uri(), request.headers());
        let takes = |candidate: &&Candidate| {
            candidate.predicates.is_empty() || candidate.predicates.take(host(), request.headers())
        };
        candidates.iter().find(takes).map_or(Found::Nothing, |taken| Found::Endpoint(&taken.endpoint))
    }

    /// The layer of the origins that may call. `None` if none may.
    pub(crate) fn cors(&self) -> Option<&CorsLayer> {
        self.cors.as_ref()
    }

    /// The proxies between clients and the gateway.
    pub(crate) fn proxies(&self) -> &TrustedProxies {
        &self.proxies
    }

    /// How the gateway's own pages are compressed.
    pub(crate) fn compression(&self) -> &Compression {
        &self.compression
    }

    /// The services to which it leads.
    pub(crate) fn upstreams(&self) -> &Upstreams {
        &self.upstreams
    }

    /// The limits of its routes.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The routes of which it is made.
    pub(crate) fn routes(&self) -> &Routes {
        &self.routes
    }
}

impl Path {
    fn add(&mut self, method: http::Method, predicates: Predicates, endpoint: Endpoint) {
        let candidate = Candidate { predicates, endpoint: Arc::new(endpoint) };
        match self.methods.iter_mut().find(|(listed, _)| *listed == method) {
            Some((_, candidates)) => candidates.push(candidate),
            None => self.methods.push((method, vec![candidate])),
        }
    }
}

/// The table that is used now. Cheap to clone.
#[derive(Clone)]
pub(crate) struct CurrentTable(Arc<ArcSwap<Table>>);

impl CurrentTable {
    pub(crate) fn new(table: Table) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(table)))
    }

    /// The table, for a short while.
    pub(crate) fn load(&self) -> Guard<Arc<Table>> {
        self.0.load()
    }

    /// The table, for as long as it is needed.
    pub(crate) fn load_full(&self) -> Arc<Table> {
        self.0.load_full()
    }

    /// From now on, requests meet this table. Those that run go on as they have begun.
    pub(crate) fn replace(&self, table: Table) {
        self.0.store(Arc::new(table));
    }
}

/// The host that a request names.
fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let of_uri = uri.authority().map(http::uri::Authority::as_str);
    of_uri.or_else(|| headers.get(header::HOST)?.to_str().ok())
}

fn allowed(routes: &[Route]) -> HeaderValue {
    let mut listed: Vec<http::Method> = Vec::new();
    for method in routes.iter().flat_map(|route| methods(&route.methods)) {
        if !listed.contains(&method) {
            listed.push(method);
        }
    }
    let text = listed.iter().map(http::Method::as_str).collect::<Vec<_>>().join(",");
    HeaderValue::try_from(text).expect("methods are visible ASCII")
}

/// The methods of HTTP that a route answers.
pub(crate) fn methods(listed: &[Method]) -> Vec<http::Method> {
    let of = |method: &Method| match method {
        Method::Get => vec![http::Method::GET, http::Method::HEAD],
        Method::Post => vec![http::Method::POST],
        Method::Put => vec![http::Method::PUT],
        Method::Patch => vec![http::Method::PATCH],
        Method::Delete => vec![http::Method::DELETE],
    };
    listed.iter().flat_map(of).collect()
}

fn label(method: &http::Method) -> &'static str {
    match *method {
        http::Method::GET => "GET",
        http::Method::HEAD => "HEAD",
        http::Method::POST => "POST",
        http::Method::PUT => "PUT",
        http::Method::PATCH => "PATCH",
        _ => "DELETE",
    }
}
