//! `config/gateway.yml` agrees with the API contract, and makes nothing else reachable.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use gateway::routes::Routes;
use gateway::settings::Access::{self, Admin, Any, Customer, Public, Seller};
use gateway::settings::Method;

use crate::harness::{Gateway, MEMBER, ORDER, STORE, Service, read_settings, settings};

/// The tables of the API contract. For `owner`, the gateway only checks the role of a seller; the service checks the owner.
const CONTRACT: &[(&str, &str, &str, Access)] = &[
    ("GET", "/.well-known/jwks.json", MEMBER, Public),
    ("POST", "/api/member/customers", MEMBER, Public),
    ("POST", "/api/member/sellers", MEMBER, Public),
    ("POST", "/api/member/sessions", MEMBER, Public),
    ("POST", "/api/member/sessions/refresh", MEMBER, Public),
    ("DELETE", "/api/member/sessions/current", MEMBER, Any),
    ("GET", "/api/member/me", MEMBER, Any),
    ("PATCH", "/api/member/me", MEMBER, Any),
    ("DELETE", "/api/member/me", MEMBER, Any),
    ("PUT", "/api/member/me/password", MEMBER, Any),
    ("POST", "/api/member/me/otp", MEMBER, Any),
    ("PUT", "/api/member/me/otp", MEMBER, Any),
    ("DELETE", "/api/member/me/otp", MEMBER, Any),
    ("GET", "/api/member/me/security-events", MEMBER, Any),
    ("GET", "/api/member/me/sessions", MEMBER, Any),
    ("DELETE", "/api/member/me/sessions/{sessionId}", MEMBER, Any),
    ("GET", "/api/member/me/wallet", MEMBER, Any),
    ("POST", "/api/member/me/wallet/charges", MEMBER, Customer),
    ("GET", "/api/member/me/wallet/entries", MEMBER, Any),
    ("GET", "/api/member/audit", MEMBER, Admin),
    ("POST", "/api/store/stores", STORE, Seller),
    ("GET", "/api/store/stores", STORE, Public),
    ("GET", "/api/store/stores/{storeId}", STORE, Public),
    ("PATCH", "/api/store/stores/{storeId}", STORE, Seller),
    ("DELETE", "/api/store/stores/{storeId}", STORE, Seller),
    ("GET", "/api/store/me/stores", STORE, Seller),
    ("POST", "/api/store/stores/{storeId}/items", STORE, Seller),
    ("GET", "/api/store/items", STORE, Public),
    ("GET", "/api/store/items/{itemId}", STORE, Public),
    ("PATCH", "/api/store/items/{itemId}", STORE, Seller),
    ("DELETE", "/api/store/items/{itemId}", STORE, Seller),
    ("POST", "/api/store/items/{itemId}/options", STORE, Seller),
    ("PATCH", "/api/store/items/{itemId}/options/{optionId}", STORE, Seller),
    ("DELETE", "/api/store/items/{itemId}/options/{optionId}", STORE, Seller),
    ("PUT", "/api/store/stores/{storeId}/follow", STORE, Customer),
    ("DELETE", "/api/store/stores/{storeId}/follow", STORE, Customer),
    ("GET", "/api/store/me/follows", STORE, Customer),
    ("PUT", "/api/store/items/{itemId}/heart", STORE, Customer),
    ("DELETE", "/api/store/items/{itemId}/heart", STORE, Customer),
    ("GET", "/api/store/me/hearts", STORE, Customer),
    ("GET", "/api/order/cart", ORDER, Customer),
    ("DELETE", "/api/order/cart", ORDER, Customer),
    ("POST", "/api/order/cart/acknowledgements", ORDER, Customer),
    ("POST", "/api/order/cart/lines", ORDER, Customer),
    ("PUT", "/api/order/cart/lines/{optionId}", ORDER, Customer),
    ("DELETE", "/api/order/cart/lines/{optionId}", ORDER, Customer),
    ("POST", "/api/order/orders", ORDER, Customer),
    ("GET", "/api/order/orders", ORDER, Customer),
    ("GET", "/api/order/orders/{orderId}", ORDER, Customer),
    ("POST", "/api/order/lines/{lineId}/cancel", ORDER, Customer),
    ("POST", "/api/order/lines/{lineId}/refund-request", ORDER, Customer),
    ("DELETE", "/api/order/lines/{lineId}/refund-request", ORDER, Customer),
    ("GET", "/api/order/sales", ORDER, Seller),
    ("POST", "/api/order/sales/{lineId}/refund/accept", ORDER, Seller),
    ("POST", "/api/order/sales/{lineId}/refund/reject", ORDER, Seller),
    ("GET", "/api/order/settlements", ORDER, Seller),
    ("POST", "/api/order/payouts", ORDER, Seller),
    ("GET", "/api/order/payouts", ORDER, Seller),
    ("POST", "/api/order/settlement-runs", ORDER, Admin),
    ("GET", "/api/order/settlement-runs", ORDER, Admin),
];

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

#[test]
fn settings_agree_with_the_contract() {
    let line = |method: &str, path: &str, service: &str, access: Access| {
        format!("{method} {path} → {service} for {access:?}")
    };
    let expected: BTreeSet<_> = CONTRACT.iter().map(|(m, p, s, a)| line(m, p, s, *a)).collect();
    let routes = Routes::new(&settings()).unwrap();
    let mut listed = BTreeSet::new();
    for (path, entries) in routes.iter() {
        for entry in entries {
            listed.extend(
                entry.methods.iter().map(|m| line(&m.to_string(), path, &entry.service, entry.access)),
            );
        }
    }
    let (missing, extra): (Vec<_>, Vec<_>) =
        (expected.difference(&listed).collect(), listed.difference(&expected).collect());
    assert!(missing.is_empty() && extra.is_empty(), "missing: {missing:#?}\nextra: {extra:#?}");
}

/// Every POST and PATCH is, because its service honours the key, but those that give tokens, which are never kept.
#[test]
fn requests_are_repeatable_by_key_where_the_service_honours_it() {
    const TOKENS: [&str; 2] = ["/api/member/sessions", "/api/member/sessions/refresh"];
    let routes = Routes::new(&settings()).unwrap();
    for (path, entries) in routes.iter() {
        for entry in entries {
            let is_write = entry.methods.iter().any(|method| [Method::Post, Method::Patch].contains(method));
            let is_keyed = is_write && !TOKENS.contains(&path);
            assert_eq!(entry.repeats_by_key, is_keyed, "{path} {:?}", entry.methods);
        }
    }
}

#[tokio::test]
async fn every_method_of_every_path_is_passed_on_or_refused_as_the_contract_says() {
    let service = Service::start().await;
    let gateway =
        Gateway::before(&[(MEMBER, service.address), (STORE, service.address), (ORDER, service.address)])
            .await;
    let mut paths = BTreeMap::<&str, BTreeMap<&str, Access>>::new();
    for (method, path, _, access) in CONTRACT {
        paths.entry(path).or_default().insert(method, *access);
    }
    for (pattern, methods) in paths {
        let path = pattern.replace(['{', '}'], "");
        for method in METHODS {
            let answer = gateway.send(gateway.request(method, &path).body(Body::empty()).unwrap()).await;
            let expected = match methods.get(method) {
                None => 405,
                Some(Public) => 200,
                Some(_) => 401,
            };
            assert_eq!(answer.status, expected, "{method} {path} without a token");
            if expected == 405 {
                let allowed: BTreeSet<_> =
                    answer.header("allow").unwrap().split(',').map(str::trim).collect();
                let with_head = methods.contains_key("GET").then_some("HEAD");
                assert_eq!(allowed, methods.keys().copied().chain(with_head).collect(), "{path}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_listed_is_not_found() {
    let service = Service::start().await;
    let gateway =
        Gateway::before(&[(MEMBER, service.address), (STORE, service.address), (ORDER, service.address)])
            .await;
    for path in [
        "/api",
        "/api/member",
        "/api/member/",
        "/api/member/me/",
        "/api/store/items/a/b",
        "/openapi.json",
        "/healthz",
        "/metrics",
        "/API/member/me",
    ] {
        let answer = gateway.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "NOT_FOUND"), "{path}");
    }
    for line in ["OPTIONS * HTTP/1.1", "CONNECT store-api:8091 HTTP/1.1"] {
        let answer = gateway.raw(&format!("{line}\r\nHost: a\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{line}: {answer}");
    }
    assert!(service.received().is_empty());
}

/// Fault 17 of the predecessor: internal routes were reachable through the gateway.
#[tokio::test]
async fn internal_routes_are_not_reachable_by_any_spelling() {
    let service = Service::start().await;
    let gateway =
        Gateway::before(&[(MEMBER, service.address), (STORE, service.address), (ORDER, service.address)])
            .await;
    let mut spellings: Vec<String> = [
        "/internal",
        "/internal/",
        "/internal/transfers",
        "//internal/transfers",
        "///internal//transfers",
        "/./internal/transfers",
        "/%69nternal/transfers",
        "/%69%6e%74%65%72%6e%61%6c/transfers",
        "/INTERNAL/transfers",
        "/internal%2ftransfers",
        "/%2finternal/transfers",
        "/%2e/internal/transfers",
        "/;/internal/transfers",
        "/internal;x=1/transfers",
        "/docs/../internal/transfers",
        "/docs/%2e%2e/internal/transfers",
        "/problems/..%2finternal",
        "/api/..;/internal/transfers",
        "\\internal\\transfers",
        "/\\internal/transfers",
    ]
    .map(str::to_owned)
    .to_vec();
    let escapes = [
        "..",
        "../..",
        "../../..",
        "../../../..",
        "../../../../..",
        "%2e%2e",
        "%2e%2e/%2e%2e/%2e%2e",
        ".%2e/.%2e/.%2e",
        "..%2f..%2f..%2f..%2f..",
        "..%5c..%5c..",
        "..\\..\\..",
        "%252e%252e%252f",
        "..;/..;/..",
        "%c0%ae%c0%ae",
        ".",
        "",
    ];
    for (_, pattern, _, access) in CONTRACT.iter().filter(|(method, ..)| *method == "GET") {
        for escape in escapes {
            spellings.push(format!("{}/{escape}/internal/transfers", pattern.split("/{").next().unwrap()));
            if pattern.contains('{') && *access == Public {
                spellings
                    .push(format!("{}/{escape}%2finternal%2ftransfers", pattern.split("/{").next().unwrap()));
                spellings.push(format!("{}/{escape}", pattern.split("/{").next().unwrap()));
            }
        }
    }
    for path in spellings {
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let answer = gateway.raw(&request).await;
        let refused = ["HTTP/1.1 404", "HTTP/1.1 400"].iter().any(|status| answer.starts_with(status));
        // An empty parameter gives the path of the list with a slash at its end, which is another path.
        assert!(refused, "{path}: {}", answer.lines().next().unwrap_or_default());
        let absolute = format!("GET http://internal{path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        assert!(!gateway.raw(&absolute).await.starts_with("HTTP/1.1 2"), "absolute form of {path}");
    }
    assert!(service.received().is_empty(), "{:?}", service.received());
}

/// Fault 29 of the predecessor: settings differed by environment, and nothing checked them.
#[test]
fn settings_with_a_fault_are_refused_by_the_name_of_the_key() {
    let route = |line: &str| format!("services: [store-api]\nroutes:\n  - {{ {line} }}\n");
    let faults = [
        (route(r#"path: "/a", methods: [GET], service: store-api, access: BUYER"#), "routes[0].access"),
        (route(r#"path: "/a", methods: [FETCH], service: store-api, access: any"#), "routes[0].methods[0]"),
        (route(r#"path: "/a", methods: [GET], service: store-api"#), "routes[0].access"),
        (route(r#"path: "/a", methods: [GET], service: store-api, access: any, role: x"#), "routes[0].role"),
        (
            route(r#"path: "/a", methods: [POST], service: store-api, access: any, repeatable: always"#),
            "routes[0].repeatable",
        ),
        ("services: [store-api]\n".to_owned(), "routes"),
        (
            route(r#"path: "/a", methods: [GET], service: store-api, access: any"#)
                + "cors: { allowed-origins: [\"https://shop.example/\"] }\n",
            "cors.allowed-origins[0]",
        ),
        (
            route(r#"path: "/a", methods: [GET], service: store-api, access: any"#)
                + "upstream: { connect-timeout-ms: 0 }\n",
            "upstream.connect-timeout-ms",
        ),
        (
            route(r#"path: "/a", methods: [GET], service: store-api, access: any"#)
                + "upstream: { connect-tries: 0 }\n",
            "upstream.connect-tries",
        ),
    ];
    for (yaml, key) in faults {
        let error = read_settings(&yaml).unwrap_err();
        assert!(error.starts_with(&format!("{key}: ")), "{yaml}\n{error}");
    }
}
