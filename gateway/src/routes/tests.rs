//! Tables with faults, and without.

use super::*;
use crate::settings::{
    CompressionSettings, CorsSettings, HeaderPredicate, LimitsSettings, PolicySettings, PublicSettings,
    UpstreamSettings,
};

fn entry(path: &str, methods: &[Method]) -> RouteSettings {
    RouteSettings {
        path: path.to_owned(),
        methods: methods.to_vec(),
        service: "store-api".to_owned(),
        access: Access::Public,
        repeatable: None,
        host: None,
        headers: Vec::new(),
        rewrite: None,
        timeout_ms: None,
        max_body_bytes: None,
        limits: Vec::new(),
        compress: false,
    }
}

fn check(routes: Vec<RouteSettings>) -> Result<Routes, String> {
    let services = vec!["store-api".to_owned()];
    let policy = |by| PolicySettings { by, requests: 1, window_s: 1 };
    let policies = [
        ("by-address".to_owned(), policy(LimitedBy::Address)),
        ("by-member".to_owned(), policy(LimitedBy::Member)),
    ];
    let settings = TableSettings {
        services,
        routes,
        upstream: UpstreamSettings::default(),
        cors: CorsSettings::default(),
        public: PublicSettings::default(),
        limits: LimitsSettings { policies: policies.into(), ..LimitsSettings::default() },
        compression: CompressionSettings::default(),
        redis: None,
    };
    Routes::new(&settings).map_err(|error| error.to_string())
}

fn refusal(routes: Vec<RouteSettings>) -> String {
    check(routes).unwrap_err()
}

#[test]
fn entries_of_one_path_share_it() {
    let routes = check(vec![entry("/a", &[Method::Get]), entry("/a", &[Method::Post, Method::Put])]).unwrap();
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
    for path in ["/internal/transfers", "/INTERNAL", "/internal", "/{*all}", "/{service}/x", "//internal/x"] {
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
    for path in ["", "a/b", "/a/", "/a//b", "/a/../b", "/a/%2e", "/a/{}", "/a/{b", "/a/{*b}/c", "/a/{b}{c}"] {
        assert!(refusal(vec![entry(path, &[Method::Get])]).starts_with("routes[0].path: "), "{path}");
    }
}

#[test]
fn a_route_without_methods_is_refused() {
    assert_eq!(refusal(vec![entry("/a", &[])]), "routes[0].methods: list at least one");
}

#[test]
fn a_wrong_predicate_rewrite_or_limit_is_refused_by_its_key() {
    let get = || entry("/a/{id}", &[Method::Get]);
    let header =
        |name: &str, value: &str| vec![HeaderPredicate { name: name.to_owned(), value: value.to_owned() }];
    for (route, fault) in [
        (RouteSettings { host: Some("A:80".to_owned()), ..get() }, "routes[0].host: `A:80` is no host"),
        (
            RouteSettings { headers: header("x y", "1"), ..get() },
            "routes[0].headers[0].name: `x y` is no name",
        ),
        (
            RouteSettings { headers: header("x", "\0"), ..get() },
            "routes[0].headers[0].value: `\0` is no value",
        ),
        (
            RouteSettings { rewrite: Some("/internal".to_owned()), ..get() },
            "routes[0].rewrite: `/internal` leads",
        ),
        (RouteSettings { rewrite: Some("/{x}".to_owned()), ..get() }, "routes[0].rewrite: `/{x}` uses `{x}`"),
        (
            RouteSettings { timeout_ms: Some(0), ..get() },
            "routes[0].timeout-ms: must be between 1 and 600000",
        ),
        (RouteSettings { timeout_ms: Some(600_001), ..get() }, "routes[0].timeout-ms: must be between"),
        (
            RouteSettings { max_body_bytes: Some(0), ..get() },
            "routes[0].max-body-bytes: must be between 1 and",
        ),
    ] {
        let refused = refusal(vec![route]);
        assert!(refused.starts_with(fault), "{refused}");
    }
}

#[test]
fn entries_with_other_predicates_share_a_method_unless_one_is_never_reached() {
    let of_host = |host: &str| RouteSettings { host: Some(host.to_owned()), ..entry("/a", &[Method::Get]) };
    let any = || entry("/a", &[Method::Get]);
    check(vec![of_host("a.example"), of_host("*.example"), any()]).unwrap();
    assert_eq!(
        refusal(vec![any(), of_host("a.example")]),
        "routes[1].methods: GET of `/a` is never reached: routes[0] takes all that this would"
    );
    assert_eq!(
        refusal(vec![of_host("a.example"), of_host("a.example")]),
        "routes[1].methods: GET of `/a` is listed in routes[0] already"
    );
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

#[test]
fn only_what_everybody_may_read_is_compressed() {
    let compressed = |access, methods: &[Method]| {
        check(vec![RouteSettings { compress: true, access, ..entry("/a", methods) }]).map(drop)
    };
    assert_eq!(compressed(Access::Public, &[Method::Get]), Ok(()));
    let refused = Err("routes[0].compress: only the answers of public GETs are compressed".to_owned());
    assert_eq!(compressed(Access::Any, &[Method::Get]), refused);
    assert_eq!(compressed(Access::Customer, &[Method::Get]), refused);
    assert_eq!(compressed(Access::Public, &[Method::Get, Method::Post]), refused);
}
