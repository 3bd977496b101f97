//! Rules: the route table, checked. A gateway with an invalid table does not start, and one that runs keeps the table that it has.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use std::time::Duration;

use crate::predicates::{PredicateFault, Predicates};
use crate::rewrite::{Rewrite, RewriteFault};
use crate::settings::{Access, LimitedBy, Method, Repeatable, RouteSettings, TableSettings};

/// First segments that a route must not have. `internal` is here so that no mistake in the settings can open the routes
/// between services; the others are paths of the gateway itself.
const RESERVED: [&str; 4] = ["internal", "docs", "problems", "assets"];

/// The longest that a route may let its clients wait.
const MOST_TIMEOUT_MS: u64 = 600_000;

/// The checked route table, by path pattern.
#[derive(Debug)]
pub struct Routes {
    by_path: BTreeMap<String, Vec<Route>>,
}

/// An entry of the table: the service and the access of some methods of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The methods.
    pub methods: Vec<Method>,
    /// The service that answers.
    pub service: String,
    /// Who may call.
    pub access: Access,
    /// Whether a request with an `Idempotency-Key` may be sent a second time.
    pub repeats_by_key: bool,
    /// Its place in the settings.
    pub index: usize,
    /// The host that a request must name, as the settings have it.
    pub host: Option<String>,
    /// What else a request must be like.
    pub predicates: Predicates,
    /// The path for the service, if it is another one.
    pub rewrite: Option<Rewrite>,
    /// The time from the head of a request to that of its answer, if it has one of its own.
    pub timeout: Option<Duration>,
    /// The largest body, if it has a limit of its own.
    pub max_body_bytes: Option<usize>,
    /// The policies that limit its requests.
    pub limits: Vec<String>,
    /// Whether its answers are compressed.
    pub compresses: bool,
}

/// The route table is not valid.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {fault}")]
pub struct RoutesError {
    /// The key in `gateway.yml` to correct.
    pub key: String,
    /// What is wrong with its value.
    pub fault: Fault,
}

/// Why a route table is not valid.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A service is listed twice.
    #[error("`{0}` is listed twice")]
    DuplicateService(String),
    /// The service is not known. A misspelt name would always answer 503.
    #[error("`{0}` is not one of `services`")]
    UnknownService(String),
    /// The path is not a pattern, or must not be listed.
    #[error("`{0}` {1}")]
    InvalidPath(String, Cow<'static, str>),
    /// The pattern and another one match the same path, and neither is more specific.
    #[error("`{0}` conflicts with `{1}`")]
    Conflict(String, String),
    /// There is `/a/{*rest}` without `/a`. In the predecessor, this made lists unreachable.
    #[error("`{0}` does not match its own base path; add an entry for `{1}`")]
    MissingBasePath(String, String),
    /// The entry has no method.
    #[error("list at least one")]
    NoMethods,
    /// The entry says `by-key`, and lists a method that has no keys.
    #[error("`by-key` is for POST and PATCH, and {0} is listed")]
    KeysNotHonoured(Method),
    /// A predicate is not valid.
    #[error("`{0}` {1}")]
    Predicate(String, PredicateFault),
    /// The new path is not valid.
    #[error("`{0}` {1}")]
    Rewrite(String, RewriteFault),
    /// A limit that nothing meets.
    #[error("must be between {0} and {1}")]
    OutOfRange(u64, u64),
    /// An entry before it takes all of its requests.
    #[error("{1} of `{0}` is never reached: routes[{2}] takes all that this would")]
    Shadowed(String, Method, usize),
    /// The policy is not known.
    #[error("`{0}` is not one of `limits.policies`")]
    UnknownPolicy(String),
    /// The route names a policy that counts by member, and asks nobody who they are.
    #[error("`{0}` counts by member, and the route is public")]
    NobodyToCount(String),
    /// The answers of the route may have secrets.
    #[error("only the answers of public GETs are compressed")]
    NotOpen,
    /// Two entries list the same method of a path.
    #[error("{1} of `{0}` is listed in routes[{2}] already")]
    DuplicateMethod(String, Method, usize),
}

impl Routes {
    /// Checks the route table of the settings. Returns the first fault.
    pub fn new(settings: &TableSettings) -> Result<Self, RoutesError> {
        let services = known_services(&settings.services)?;
        let mut patterns = matchit::Router::new();
        let mut listed: HashMap<(&str, Method), Vec<(usize, Predicates)>> = HashMap::new();
        let mut by_path: BTreeMap<String, Vec<Route>> = BTreeMap::new();

        for (index, route) in settings.routes.iter().enumerate() {
            let RouteSettings { path, methods, service, access, repeatable, .. } = route;
            let refuse = |key: &str, fault| RoutesError { key: format!("routes[{index}].{key}"), fault };
            check_shape(path).map_err(|fault| refuse("path", fault))?;
            if !by_path.contains_key(path) {
                patterns.insert(path, ()).map_err(|error| refuse("path", pattern_fault(path, error)))?;
            }
            if methods.is_empty() {
                return Err(refuse("methods", Fault::NoMethods));
            }
            let predicates = Predicates::new(route.host.as_deref(), &route.headers)
                .map_err(|(key, fault)| refuse(&key, Fault::Predicate(value_at(route, &key), fault)))?;
            for &method in methods {
                let others = listed.entry((path, method)).or_default();
                if let Some((other, same)) = others.iter().find(|(_, other)| other.cover(&predicates)) {
                    let is_same = *same == predicates;
                    let fault = if is_same { Fault::DuplicateMethod } else { Fault::Shadowed };
                    return Err(refuse("methods", fault(path.clone(), method, *other)));
                }
                others.push((index, predicates.clone()));
            }
            let repeats_by_key = *repeatable == Some(Repeatable::ByKey);
            if let Some(&method) =
                methods.iter().find(|method| !matches!(method, Method::Post | Method::Patch))
                && repeats_by_key
            {
                return Err(refuse("repeatable", Fault::KeysNotHonoured(method)));
            }
            if !services.contains(service.as_str()) {
                return Err(refuse("service", Fault::UnknownService(service.clone())));
            }
            check_compression(route).map_err(|fault| refuse("compress", fault))?;
            check_limits(route, settings).map_err(|fault| refuse("limits", fault))?;
            let rewrite = route.rewrite.as_deref().map(|template| {
                let checked = Rewrite::new(path, template);
                checked.map_err(|fault| refuse("rewrite", Fault::Rewrite(template.to_owned(), fault)))
            });
            let timeout_ms = in_range(route.timeout_ms, MOST_TIMEOUT_MS);
            let max_body_bytes = in_range(route.max_body_bytes, usize::MAX);
            by_path.entry(path.clone()).or_default().push(Route {
                methods: methods.clone(),
                service: service.clone(),
                access: *access,
                repeats_by_key,
                index,
                host: route.host.clone(),
                predicates,
                rewrite: rewrite.transpose()?,
                timeout: timeout_ms.map_err(|fault| refuse("timeout-ms", fault))?.map(Duration::from_millis),
                max_body_bytes: max_body_bytes.map_err(|fault| refuse("max-body-bytes", fault))?,
                limits: route.limits.clone(),
                compresses: route.compress,
            });
        }
        check_base_paths(&settings.routes, &by_path)?;
        Ok(Self { by_path })
    }

    /// All patterns with their entries.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Route])> {
        self.by_path.iter().map(|(path, routes)| (path.as_str(), routes.as_slice()))
    }
}

fn known_services(services: &[String]) -> Result<HashSet<&str>, RoutesError> {
    let mut known = HashSet::new();
    for (index, service) in services.iter().enumerate() {
        if !known.insert(service.as_str()) {
            return Err(RoutesError {
                key: format!("services[{index}]"),
                fault: Fault::DuplicateService(service.clone()),
            });
        }
    }
    Ok(known)
}

/// The text of a predicate with a fault.
fn value_at(route: &RouteSettings, key: &str) -> String {
    let header =
        route.headers.iter().enumerate().find(|(index, _)| key.starts_with(&format!("headers[{index}].")));
    match header {
        Some((_, header)) if key.ends_with("name") => header.name.clone(),
        Some((_, header)) => header.value.clone(),
        None => route.host.clone().unwrap_or_default(),
    }
}

/// Refuses a limit that no request can keep.
fn in_range<N: Copy + PartialOrd + From<u8> + TryInto<u64>>(
    value: Option<N>,
    most: N,
) -> Result<Option<N>, Fault> {
    let is_in_range = value.is_none_or(|value| N::from(1) <= value && value <= most);
    let shown = most.try_into().unwrap_or(u64::MAX);
    if is_in_range { Ok(value) } else { Err(Fault::OutOfRange(1, shown)) }
}

fn check_shape(path: &str) -> Result<(), Fault> {
    let bad = |reason: &'static str| Err(Fault::InvalidPath(path.to_owned(), reason.into()));
    let Some(rest) = path.strip_prefix('/') else {
        return bad("does not begin with `/`");
    };
    let first = rest.split('/').next().unwrap_or_default();
    if first.contains(['{', '}']) {
        return bad("begins with a parameter, which would match everything");
    }
    if RESERVED.iter().any(|reserved| first.eq_ignore_ascii_case(reserved)) {
        return bad("begins with a segment that is never passed on");
    }
    if !crate::path::is_unambiguous(path) {
        return bad("has an empty, dotted or encoded segment, which no request can match");
    }
    Ok(())
}

fn pattern_fault(path: &str, error: matchit::InsertError) -> Fault {
    match error {
        matchit::InsertError::Conflict { with } => Fault::Conflict(path.to_owned(), with),
        other => Fault::InvalidPath(path.to_owned(), format!("is not a pattern: {other}").into()),
    }
}

/// The length of a compressed answer tells a secret in it to who has written another part of it.
fn check_compression(RouteSettings { compress, access, methods, .. }: &RouteSettings) -> Result<(), Fault> {
    let is_open = *access == Access::Public && methods.iter().all(|method| *method == Method::Get);
    if *compress && !is_open { Err(Fault::NotOpen) } else { Ok(()) }
}

fn check_limits(route: &RouteSettings, settings: &TableSettings) -> Result<(), Fault> {
    for name in &route.limits {
        match settings.limits.policies.get(name) {
            None => return Err(Fault::UnknownPolicy(name.clone())),
            Some(policy) if policy.by == LimitedBy::Member && route.access == Access::Public => {
                return Err(Fault::NobodyToCount(name.clone()));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn check_base_paths(
    routes: &[RouteSettings],
    by_path: &BTreeMap<String, Vec<Route>>,
) -> Result<(), RoutesError> {
    for (index, RouteSettings { path, .. }) in routes.iter().enumerate() {
        if let Some((base, _)) = path.split_once("/{*")
            && !by_path.contains_key(base)
        {
            return Err(RoutesError {
                key: format!("routes[{index}].path"),
                fault: Fault::MissingBasePath(path.clone(), base.to_owned()),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
