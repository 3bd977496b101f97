//! Rules: the route table, checked at the start. A gateway with an invalid table does not start.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::settings::{Access, LimitedBy, Method, Repeatable, RouteSettings, Settings};

/// First segments that a route must not have. `internal` is here so that no mistake in the settings can open the routes
/// between services; the others are paths of the gateway itself.
const RESERVED: [&str; 4] = ["internal", "docs", "problems", "assets"];

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
    /// The policies that limit its requests.
    pub limits: Vec<String>,
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
    /// The policy is not known.
    #[error("`{0}` is not one of `limits.policies`")]
    UnknownPolicy(String),
    /// The route names a policy that counts by member, and asks nobody who they are.
    #[error("`{0}` counts by member, and the route is public")]
    NobodyToCount(String),
    /// Two entries list the same method of a path.
    #[error("{1} of `{0}` is listed in routes[{2}] already")]
    DuplicateMethod(String, Method, usize),
}

impl Routes {
    /// Checks the route table of the settings. Returns the first fault.
    pub fn new(settings: &Settings) -> Result<Self, RoutesError> {
        let services = known_services(&settings.services)?;
        let mut patterns = matchit::Router::new();
        let mut listed: HashMap<(&str, Method), usize> = HashMap::new();
        let mut by_path: BTreeMap<String, Vec<Route>> = BTreeMap::new();

        for (index, route) in settings.routes.iter().enumerate() {
            let RouteSettings { path, methods, service, access, repeatable, limits } = route;
            let refuse = |key: &str, fault| RoutesError { key: format!("routes[{index}].{key}"), fault };
            check_shape(path).map_err(|fault| refuse("path", fault))?;
            if !by_path.contains_key(path) {
                patterns.insert(path, ()).map_err(|error| refuse("path", pattern_fault(path, error)))?;
            }
            if methods.is_empty() {
                return Err(refuse("methods", Fault::NoMethods));
            }
            for &method in methods {
                if let Some(other) = listed.insert((path, method), index) {
                    return Err(refuse("methods", Fault::DuplicateMethod(path.clone(), method, other)));
                }
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
            check_limits(route, settings).map_err(|fault| refuse("limits", fault))?;
            by_path.entry(path.clone()).or_default().push(Route {
                methods: methods.clone(),
                service: service.clone(),
                access: *access,
                repeats_by_key,
                limits: limits.clone(),
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

fn check_limits(route: &RouteSettings, settings: &Settings) -> Result<(), Fault> {
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
mod tests {
    use super::*;
    use crate::settings::{
        CorsSettings, LimitsSettings, PolicySettings, PublicSettings, RevocationsSettings, UpstreamSettings,
    };

    fn entry(path: &str, methods: &[Method]) -> RouteSettings {
        RouteSettings {
            path: path.to_owned(),
            methods: methods.to_vec(),
            service: "store-api".to_owned(),
            access: Access::Public,
            repeatable: None,
            limits: Vec::new(),
        }
    }

    fn check(routes: Vec<RouteSettings>) -> Result<Routes, String> {
        let services = vec!["store-api".to_owned()];
        let policy = |by| PolicySettings { by, requests: 1, window_s: 1 };
        let policies = [
            ("by-address".to_owned(), policy(LimitedBy::Address)),
            ("by-member".to_owned(), policy(LimitedBy::Member)),
        ];
        let settings = Settings {
            services,
            routes,
            upstream: UpstreamSettings::default(),
            revocations: RevocationsSettings::default(),
            cors: CorsSettings::default(),
            public: PublicSettings::default(),
            limits: LimitsSettings { policies: policies.into(), ..LimitsSettings::default() },
            redis: None,
        };
        Routes::new(&settings).map_err(|error| error.to_string())
    }

    fn refusal(routes: Vec<RouteSettings>) -> String {
        check(routes).unwrap_err()
    }

    #[test]
    fn entries_of_one_path_share_it() {
        let routes =
            check(vec![entry("/a", &[Method::Get]), entry("/a", &[Method::Post, Method::Put])]).unwrap();
        let all: Vec<_> = routes.iter().collect();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].0, all[0].1.len()), ("/a", 2));
    }

    #[test]
    fn a_method_listed_twice_is_refused() {
        let error = refusal(vec![entry("/a", &[Method::Get]), entry("/a", &[Method::Post, Method::Get])]);
        assert_eq!(error, "routes[1].methods: GET of `/a` is listed in routes[0] already");
        let error = refusal(vec![entry("/a", &[Method::Get, Method::Get])]);
        assert_eq!(error, "routes[0].methods: GET of `/a` is listed in routes[0] already");
    }

    #[test]
    fn patterns_that_mean_the_same_are_refused() {
        let error = refusal(vec![entry("/a/{id}", &[Method::Get]), entry("/a/{name}", &[Method::Post])]);
        assert_eq!(error, "routes[1].path: `/a/{name}` conflicts with `/a/{id}`");
    }

    #[test]
    fn a_literal_and_a_parameter_do_not_conflict() {
        check(vec![entry("/a/{id}", &[Method::Get]), entry("/a/mine", &[Method::Get])]).unwrap();
    }

    #[test]
    fn fault_28_a_route_pattern_matches_its_own_base_path() {
        let error = refusal(vec![entry("/a/b/{*rest}", &[Method::Get])]);
        assert_eq!(
            error,
            "routes[0].path: `/a/b/{*rest}` does not match its own base path; add an entry for `/a/b`"
        );
        check(vec![entry("/a/b/{*rest}", &[Method::Get]), entry("/a/b", &[Method::Get])]).unwrap();
    }

    #[test]
    fn a_path_that_could_match_internal_routes_is_refused() {
        for path in
            ["/internal/transfers", "/INTERNAL", "/internal", "/{*all}", "/{service}/x", "//internal/x"]
        {
            let error = refusal(vec![entry(path, &[Method::Get])]);
            assert!(error.starts_with(&format!("routes[0].path: `{path}` ")), "{error}");
        }
    }

    #[test]
    fn the_gateways_own_paths_are_refused() {
        for path in ["/docs", "/docs/store-api", "/problems/X", "/assets/page.css"] {
            assert!(refusal(vec![entry(path, &[Method::Get])]).contains("never passed on"));
        }
    }

    #[test]
    fn invalid_paths_are_refused() {
        for path in
            ["", "a/b", "/a/", "/a//b", "/a/../b", "/a/%2e", "/a/{}", "/a/{b", "/a/{*b}/c", "/a/{b}{c}"]
        {
            assert!(refusal(vec![entry(path, &[Method::Get])]).starts_with("routes[0].path: "), "{path}");
        }
    }

    #[test]
    fn a_route_without_methods_is_refused() {
        assert_eq!(refusal(vec![entry("/a", &[])]), "routes[0].methods: list at least one");
    }

    #[test]
    fn a_misspelt_service_is_refused() {
        let misspelt = RouteSettings { service: "stroe-api".to_owned(), ..entry("/a", &[Method::Get]) };
        assert_eq!(refusal(vec![misspelt]), "routes[0].service: `stroe-api` is not one of `services`");
    }

    #[test]
    fn only_post_and_patch_can_be_repeated_by_key() {
        let by_key = |methods| RouteSettings { repeatable: Some(Repeatable::ByKey), ..entry("/a", methods) };
        check(vec![by_key(&[Method::Post, Method::Patch])]).unwrap();
        assert_eq!(
            refusal(vec![by_key(&[Method::Patch, Method::Delete])]),
            "routes[0].repeatable: `by-key` is for POST and PATCH, and DELETE is listed"
        );
    }

    #[test]
    fn a_limit_needs_its_policy_and_somebody_to_count() {
        let limited = |access, limit: &str| RouteSettings {
            access,
            limits: vec![limit.to_owned()],
            ..entry("/a", &[Method::Get])
        };
        check(vec![limited(Access::Public, "by-address")]).unwrap();
        check(vec![limited(Access::Any, "by-member")]).unwrap();
        assert_eq!(
            refusal(vec![limited(Access::Any, "other")]),
            "routes[0].limits: `other` is not one of `limits.policies`"
        );
        assert_eq!(
            refusal(vec![limited(Access::Public, "by-member")]),
            "routes[0].limits: `by-member` counts by member, and the route is public"
        );
    }
}
