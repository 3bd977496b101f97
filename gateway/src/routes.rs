//! The route table: settings that have been checked. A gateway with a doubtful table does not start.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::settings::{Access, Method, RouteSettings, Settings};

/// Whose first segment belongs to the gateway itself, or to nobody outside. `internal` stands here so that no mistake
/// in the settings can open the calls between services.
const RESERVED: [&str; 4] = ["internal", "docs", "problems", "assets"];

/// The checked table, by path pattern.
#[derive(Debug)]
pub struct Routes {
    by_path: BTreeMap<String, Vec<Route>>,
}

/// What happens to some methods of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The methods.
    pub methods: Vec<Method>,
    /// Who answers.
    pub service: String,
    /// Who may call.
    pub access: Access,
}

/// A table that is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {fault}")]
pub struct RoutesError {
    /// The key to mend in `gateway.yml`.
    pub key: String,
    /// What is wrong there.
    pub fault: Fault,
}

/// Why a table is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A service is listed twice.
    #[error("`{0}` is listed twice")]
    ServiceTwice(String),
    /// A misspelt name would answer 503 for ever.
    #[error("`{0}` is not one of `services`")]
    UnknownService(String),
    /// The path is no pattern, or one that must not be listed.
    #[error("`{0}` {1}")]
    BadPath(String, Cow<'static, str>),
    /// The pattern overlaps another one in a way that leaves open which one is meant.
    #[error("`{0}` conflicts with `{1}`")]
    Conflict(String, String),
    /// `/a/{*rest}` without `/a`: the predecessor forgot it, and its lists were unreachable.
    #[error("`{0}` does not match its own base path; add an entry for `{1}`")]
    BaseMissing(String, String),
    /// Nobody could ever call it.
    #[error("list at least one")]
    NoMethod,
    /// Two entries say different things about one request.
    #[error("{1} of `{0}` is listed in routes[{2}] already")]
    MethodTwice(String, Method, usize),
}

impl Routes {
    /// Checks the settings' table. The first fault found is the answer.
    pub fn new(settings: &Settings) -> Result<Self, RoutesError> {
        let services = known_services(&settings.services)?;
        let mut patterns = matchit::Router::new();
        let mut listed: HashMap<(&str, Method), usize> = HashMap::new();
        let mut by_path: BTreeMap<String, Vec<Route>> = BTreeMap::new();

        for (index, route) in settings.routes.iter().enumerate() {
            let RouteSettings { path, methods, service, access } = route;
            let refuse = |key: &str, fault| RoutesError { key: format!("routes[{index}].{key}"), fault };
            check_shape(path).map_err(|fault| refuse("path", fault))?;
            if !by_path.contains_key(path) {
                patterns.insert(path, ()).map_err(|error| refuse("path", refused_pattern(path, error)))?;
            }
            if methods.is_empty() {
                return Err(refuse("methods", Fault::NoMethod));
            }
            for &method in methods {
                if let Some(other) = listed.insert((path, method), index) {
                    return Err(refuse("methods", Fault::MethodTwice(path.clone(), method, other)));
                }
            }
            if !services.contains(service.as_str()) {
                return Err(refuse("service", Fault::UnknownService(service.clone())));
            }
            by_path.entry(path.clone()).or_default().push(Route {
                methods: methods.clone(),
                service: service.clone(),
                access: *access,
            });
        }
        check_bases(&settings.routes, &by_path)?;
        Ok(Self { by_path })
    }

    /// Every pattern with its entries.
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
                fault: Fault::ServiceTwice(service.clone()),
            });
        }
    }
    Ok(known)
}

fn check_shape(path: &str) -> Result<(), Fault> {
    let bad = |reason: &'static str| Err(Fault::BadPath(path.to_owned(), reason.into()));
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

fn refused_pattern(path: &str, error: matchit::InsertError) -> Fault {
    match error {
        matchit::InsertError::Conflict { with } => Fault::Conflict(path.to_owned(), with),
        other => Fault::BadPath(path.to_owned(), format!("is not a pattern: {other}").into()),
    }
}

fn check_bases(routes: &[RouteSettings], by_path: &BTreeMap<String, Vec<Route>>) -> Result<(), RoutesError> {
    for (index, RouteSettings { path, .. }) in routes.iter().enumerate() {
        if let Some((base, _)) = path.split_once("/{*")
            && !by_path.contains_key(base)
        {
            return Err(RoutesError {
                key: format!("routes[{index}].path"),
                fault: Fault::BaseMissing(path.clone(), base.to_owned()),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{CorsSettings, PublicSettings, RevocationsSettings, UpstreamSettings};

    fn entry(path: &str, methods: &[Method]) -> RouteSettings {
        RouteSettings {
            path: path.to_owned(),
            methods: methods.to_vec(),
            service: "store-api".to_owned(),
            access: Access::Public,
        }
    }

    fn check(routes: Vec<RouteSettings>) -> Result<Routes, String> {
        let services = vec!["store-api".to_owned()];
        let settings = Settings {
            services,
            routes,
            upstream: UpstreamSettings::default(),
            revocations: RevocationsSettings::default(),
            cors: CorsSettings::default(),
            public: PublicSettings::default(),
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
    fn a_literal_beside_a_parameter_is_no_conflict() {
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
    fn what_could_lead_to_internal_routes_is_refused() {
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
    fn paths_that_are_none_are_refused() {
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
}
