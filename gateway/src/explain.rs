//! The routing for operators, on the management port: `GET /routes` is the table, `GET /explain?method=&path=[&host=]` says what a
//! request would meet.

use axum::extract::State;
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use garde::Validate;
use problem::Query;
use serde::{Deserialize, Serialize};

use crate::limits::{Policy, RouteLimits};
use crate::routes::Route;
use crate::settings::{Access, LimitedBy};
use crate::table::{CurrentTable, Table, methods};
use crate::upstream::Upstream;

/// The routes of the management port.
pub(crate) fn router(table: CurrentTable) -> Router {
    Router::new().route("/routes", get(all)).route("/explain", get(explain)).with_state(table)
}

/// An entry of the route table.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownRoute<'a> {
    /// Its key in the settings.
    key: String,
    path: &'a str,
    methods: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<String>,
    service: &'a str,
    access: Access,
    repeatable_by_key: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rewrite: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_body_bytes: Option<usize>,
    /// The limits that count its requests, in this order.
    limits: Vec<ShownPolicy>,
    compresses: bool,
    /// What protects its service now. `null` if the service is not known.
    protection: Option<ShownProtection>,
}

/// A limit on the requests of one client.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownPolicy {
    policy: String,
    by: LimitedBy,
    requests: u64,
    window_s: u64,
}

/// What protects a service now.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownProtection {
    /// The circuit breaker: `closed`, `open` or `half-open`.
    breaker: &'static str,
    /// After how long the breaker lets a request through, if it refuses all.
    #[serde(skip_serializing_if = "Option::is_none")]
    refuses_for_ms: Option<u128>,
    /// How many requests the service may have at once, for now.
    concurrency_limit: usize,
    /// How many it has.
    in_flight: usize,
}

impl From<&Policy> for ShownPolicy {
    fn from(policy: &Policy) -> Self {
        Self {
            policy: policy.name.clone(),
            by: policy.by,
            requests: policy.quota(),
            window_s: policy.window.as_secs(),
        }
    }
}

impl From<&Upstream> for ShownProtection {
    fn from(upstream: &Upstream) -> Self {
        let shown = upstream.shown();
        Self {
            breaker: shown.breaker,
            refuses_for_ms: shown.refuses_for.map(|wait| wait.as_millis()),
            concurrency_limit: shown.concurrency_limit,
            in_flight: shown.in_flight,
        }
    }
}

impl<'a> ShownRoute<'a> {
    fn new(path: &'a str, route: &'a Route, table: &Table) -> Self {
        let limits = table.limits().of_route(&route.limits);
        Self {
            key: key(route),
            path,
            methods: route.methods.iter().map(ToString::to_string).collect(),
            host: route.host.as_deref(),
            headers: required_headers(route),
            service: &route.service,
            access: route.access,
            repeatable_by_key: route.repeats_by_key,
            rewrite: route.rewrite.as_ref().map(crate::rewrite::Rewrite::template),
            timeout_ms: route.timeout.map(|timeout| timeout.as_millis()),
            max_body_bytes: route.max_body_bytes,
            limits: limits.iter().flat_map(RouteLimits::policies).map(ShownPolicy::from).collect(),
            compresses: route.compresses,
            protection: table.upstreams().get(&route.service).map(|upstream| (&*upstream).into()),
        }
    }
}

/// What a request would meet.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation<'a> {
    /// The route that takes it. `null` if none does.
    route: Option<ShownRoute<'a>>,
    /// The status with which the gateway answers a request that no route takes.
    status: Option<u16>,
    /// The path with which the service gets it.
    forwarded_path: Option<String>,
    /// The instances of the service that this gateway knows.
    instances: Vec<ShownInstance>,
    /// The routes that do not take it, in the order of the table.
    others: Vec<Other>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownInstance {
    id: String,
    address: String,
    /// `ejected` if it has failed, and is used only if there is no other.
    state: &'static str,
}

#[derive(Serialize)]
struct Other {
    key: String,
    path: String,
    reason: String,
}

/// The request in question.
#[derive(Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[garde(custom(is_method))]
    method: String,
    #[garde(custom(is_path))]
    path: String,
    #[garde(skip)]
    host: Option<String>,
}

fn is_method<C>(text: &str, _context: &C) -> garde::Result {
    text.parse::<Method>().map(drop).map_err(|_| garde::Error::new("is no method"))
}

fn is_path<C>(text: &str, _context: &C) -> garde::Result {
    let is_path = text.starts_with('/') && text.parse::<Uri>().is_ok_and(|uri| uri.authority().is_none());
    if is_path { Ok(()) } else { Err(garde::Error::new("is no path that begins with `/`")) }
}

async fn all(State(table): State<CurrentTable>) -> Response {
    let table = table.load();
    let mut shown: Vec<_> = table
        .routes()
        .iter()
        .flat_map(|(path, routes)| {
            routes.iter().map(|route| (route.index, ShownRoute::new(path, route, &table)))
        })
        .collect();
    shown.sort_by_key(|(index, _)| *index);
    Json(shown.into_iter().map(|(_, route)| route).collect::<Vec<_>>()).into_response()
}

async fn explain(State(table): State<CurrentTable>, Query(asked): Query<Asked>) -> Response {
    let method: Method = asked.method.parse().expect("it has been checked");
    let uri: Uri = asked.path.parse().expect("it has been checked");
    let is_ambiguous = !crate::path::is_unambiguous(uri.path());
    let host = asked.host.as_deref();

    let table = table.load();
    let matched = matching(&table, uri.path());
    let mut others: Vec<(usize, Other)> = Vec::new();
    let mut taken: Option<(&str, &Route)> = None;
    for (path, route) in
        table.routes().iter().flat_map(|(path, routes)| routes.iter().map(move |r| (path, r)))
    {
        let reason = if is_ambiguous {
            "programs can read the path in more than one way; such a request is never passed on".to_owned()
        } else if matched != Some(path) {
            match matched {
                Some(better) if matches_alone(path, uri.path()) => format!("`{better}` is more specific"),
                _ => "the path does not match".to_owned(),
            }
        } else if !methods(&route.methods).contains(&method) {
            format!("{method} is not one of its methods")
        } else if !route.predicates.takes_host(host) {
            format!("the host is not `{}`", route.host.as_deref().unwrap_or_default())
        } else if !route.predicates.headers().is_empty() && taken.is_none() {
            format!("it would take the request with {}", required_headers(route).join(" and "))
        } else if let Some((_, first)) = taken {
            format!("{} takes the request before it", key(first))
        } else {
            taken = Some((path, route));
            continue;
        };
        others.push((route.index, Other { key: key(route), path: path.to_owned(), reason }));
    }
    others.sort_by_key(|(index, _)| *index);
    let status = match taken {
        Some(_) => None,
        None if matched.is_some() && !is_ambiguous && !has_method(&table, matched, &method) => Some(405),
        None => Some(404),
    };
    let forwarded_path = taken.map(|(_, route)| match &route.rewrite {
        Some(rewrite) => rewrite.apply(&uri).map_or_else(|| uri.to_string(), |new| new.to_string()),
        None => uri.to_string(),
    });
    let explanation = Explanation {
        route: taken.map(|(path, route)| ShownRoute::new(path, route, &table)),
        status,
        forwarded_path,
        instances: taken.map_or_else(Vec::new, |(_, route)| instances(&table, &route.service)),
        others: others.into_iter().map(|(_, other)| other).collect(),
    };
    Json(explanation).into_response()
}

/// The pattern that takes a path: the most specific one that matches.
fn matching<'a>(table: &'a crate::table::Table, path: &str) -> Option<&'a str> {
    let mut patterns = matchit::Router::new();
    for (pattern, _) in table.routes().iter() {
        patterns.insert(pattern, pattern).ok()?;
    }
    patterns.at(path).ok().map(|matched| *matched.value)
}

fn matches_alone(pattern: &str, path: &str) -> bool {
    let mut alone = matchit::Router::new();
    alone.insert(pattern, ()).is_ok() && alone.at(path).is_ok()
}

fn has_method(table: &Table, matched: Option<&str>, method: &Method) -> bool {
    let mut of_path = table.routes().iter().filter(|(path, _)| Some(*path) == matched);
    of_path.any(|(_, routes)| routes.iter().any(|route| methods(&route.methods).contains(method)))
}

fn instances(table: &Table, service: &str) -> Vec<ShownInstance> {
    let known = table.upstreams().get(service).map(|upstream| upstream.instances().all()).unwrap_or_default();
    let shown = |instance: &std::sync::Arc<discovery::Instance>| ShownInstance {
        id: instance.id().to_owned(),
        address: instance.address().to_string(),
        state: if instance.is_ejected() { "ejected" } else { "used" },
    };
    known.iter().map(shown).collect()
}

fn required_headers(route: &Route) -> Vec<String> {
    let shown = |(name, value): &(axum::http::HeaderName, axum::http::HeaderValue)| {
        format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))
    };
    route.predicates.headers().iter().map(shown).collect()
}

fn key(route: &Route) -> String {
    format!("routes[{}]", route.index)
}
