//! Routes by host and header fields, new paths, limits of a route; a table that is replaced; what operators are told.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use gateway::Routing;
use gateway::revocations::Revocations;
use gateway::settings::TableSettings;
use serde_json::{Value, json};

use crate::harness::{
    Gateway, MEMBER, STORE, Service, fixed, managed, no_verifier, read_settings, serve_hosted, with_timeout,
};

fn routes(lines: &str) -> TableSettings {
    read_settings(&format!("services: [store-api, member-api]\nroutes:\n{lines}")).unwrap()
}

async fn two() -> (Service, Service, discovery::Discovery) {
    let (store, member) = (Service::start().await, Service::start().await);
    let instances = fixed(&[(STORE, store.address), (MEMBER, member.address)]);
    (store, member, instances)
}

const BY_HOST: &str = r#"
  - { path: "/a", methods: [GET], service: member-api, access: public, host: "m.example" }
  - { path: "/a", methods: [GET], service: member-api, access: public, headers: [{ name: x-to, value: member }] }
  - { path: "/a", methods: [GET], service: store-api, access: public, host: "*.example" }
"#;

#[tokio::test]
async fn host_and_header_fields_decide_in_the_order_of_the_settings() {
    let (store, member, instances) = two().await;
    let gateway = Gateway::start(&routes(BY_HOST), &instances).await;
    let ask = async |fields: &str| {
        gateway.raw(&format!("GET /a HTTP/1.1\r\nConnection: close\r\n{fields}\r\n\r\n")).await
    };
    for (fields, status, to_member, to_store) in [
        ("Host: M.example:8080", 200, 1, 0),
        ("Host: s.example", 200, 0, 1),
        ("Host: s.example\r\nX-To: member", 200, 1, 0),
        ("Host: s.example\r\nX-To: other", 200, 0, 1),
        ("Host: other", 404, 0, 0),
    ] {
        let before = (member.received().len(), store.received().len());
        let answer = ask(fields).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{fields}: {answer}");
        let after = (member.received().len(), store.received().len());
        assert_eq!(after, (before.0 + to_member, before.1 + to_store), "{fields}");
    }
    let other = gateway.raw("POST /a HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n").await;
    assert!(other.starts_with("HTTP/1.1 405") && other.contains("allow: GET,HEAD"), "{other}");
}

#[tokio::test]
async fn a_service_gets_the_new_path_with_the_parameters_and_the_query() {
    let (store, _, instances) = two().await;
    let settings = routes(
        r#"  - { path: "/v2/items/{id}", methods: [GET], service: store-api, access: public, rewrite: "/api/items/{id}/now" }
"#,
    );
    let gateway = Gateway::start(&settings, &instances).await;
    assert_eq!(gateway.get("/v2/items/%EB%A7%9B?q=1&q=2").await.status, StatusCode::OK);
    assert_eq!(store.only().uri.to_string(), "/api/items/%EB%A7%9B/now?q=1&q=2");
    assert_eq!(gateway.get("/v2/items/..%2finternal").await.status, StatusCode::NOT_FOUND);
    assert_eq!(store.received().len(), 1);
}

#[tokio::test]
async fn a_route_has_its_own_time_and_its_own_largest_body() {
    let slow = async || {
        tokio::time::sleep(Duration::from_millis(500)).await;
        "done"
    };
    let service = Service::answering(Router::new().fallback(slow)).await;
    let lines = r#"
  - { path: "/short", methods: [GET], service: store-api, access: public, timeout-ms: 100 }
  - { path: "/long", methods: [GET], service: store-api, access: public, timeout-ms: 20000 }
  - { path: "/other", methods: [GET], service: store-api, access: public }
  - { path: "/small", methods: [POST], service: store-api, access: public, max-body-bytes: 4, timeout-ms: 20000 }
  - { path: "/large", methods: [POST], service: store-api, access: public, max-body-bytes: 100, timeout-ms: 20000 }
"#;
    let mut settings = routes(lines);
    settings.upstream.first_byte_timeout_ms = 200;
    let server = json!({"request-timeout-ms": 300, "max-body-bytes": 10});
    let gateway = Gateway::hosted(&settings, &fixed(&[(STORE, service.address)]), server).await;
    assert_eq!(gateway.get("/short").await.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(gateway.get("/other").await.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(gateway.get("/long").await.status, StatusCode::OK);
    for (path, length, status) in
        [("/small", 4, 200), ("/small", 5, 413), ("/large", 100, 200), ("/large", 101, 413)]
    {
        let request = gateway.request("POST", path).body(Body::from("x".repeat(length))).unwrap();
        assert_eq!(gateway.send(request).await.status, status, "{path} {length}");
    }
}

#[tokio::test]
async fn a_table_is_replaced_as_a_whole_or_not_at_all() {
    let (store, _, instances) = two().await;
    let line = |path: &str| {
        format!("  - {{ path: \"{path}\", methods: [GET], service: store-api, access: public }}\n")
    };
    let (old, mut new) = (routes(&line("/old")), routes(&line("/new")));
    new.cors.allowed_origins = vec!["https://shop.example".to_owned()];
    let routing = Routing::new(&old, &instances, &Revocations::new(clock::Clock::system())).unwrap();
    let (address, _) = serve_hosted(routing.app(), no_verifier(), json!({})).await;
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .build_http::<Body>();
    let get = async |path: &str| {
        let request = axum::http::Request::get(format!("http://{address}{path}"))
            .header("origin", "https://shop.example");
        let answer = with_timeout(client.request(request.body(Body::empty()).unwrap())).await.unwrap();
        (answer.status().as_u16(), answer.headers().contains_key("access-control-allow-origin"))
    };
    assert_eq!((get("/old").await, get("/new").await), ((200, false), (404, false)));

    let wrong = routes(&format!("{}{}", line("/new"), line("/internal/x")));
    let refused = async |settings: &TableSettings| routing.prepare(settings).await.err().unwrap().to_string();
    assert!(refused(&wrong).await.starts_with("routes[1].path: "));
    let unknown = routes(&line("/new").replace("store-api", "order-api"));
    assert!(refused(&unknown).await.starts_with("routes[0].service: "));
    assert_eq!((get("/old").await, get("/new").await), ((200, false), (404, false)));

    routing.prepare(&new).await.unwrap()();
    assert_eq!((get("/old").await, get("/new").await), ((404, true), (200, true)));
    assert_eq!(store.received().len(), 3);
}

#[tokio::test]
async fn operators_are_told_the_table_and_what_a_request_would_meet() {
    let (store, member, instances) = two().await;
    let lines = format!(
        "{BY_HOST}  - {{ path: \"/b/{{id}}\", methods: [GET, DELETE], service: store-api, access: SELLER, rewrite: \"/c/{{id}}\" }}\n  - {{ path: \"/b/mine\", methods: [POST], service: member-api, access: any, repeatable: by-key }}\n"
    );
    let routing =
        Routing::new(&routes(&lines), &instances, &Revocations::new(clock::Clock::system())).unwrap();

    let (status, all) = managed(&routing, "/routes").await;
    let keys: Vec<_> = all.as_array().unwrap().iter().map(|route| route["key"].as_str().unwrap()).collect();
    assert_eq!((status, keys), (200, vec!["routes[0]", "routes[1]", "routes[2]", "routes[3]", "routes[4]"]));
    assert_eq!(all[0]["host"], "m.example");
    assert_eq!((&all[3]["access"], &all[3]["rewrite"]), (&json!("SELLER"), &json!("/c/{id}")));

    let explain = async |query: &str| managed(&routing, &format!("/explain?{query}")).await;
    let taken = explain("method=GET&path=/a&host=s.example:80").await.1;
    assert_eq!(taken["route"]["limits"], json!([]));
    assert_eq!(taken["route"]["key"], "routes[2]");
    assert_eq!(taken["instances"][0]["address"], store.address.to_string());
    assert_eq!(taken["instances"][0]["state"], "used");
    let reason = |explanation: &Value, key: &str| {
        let others = explanation["others"].as_array().unwrap();
        let other = others.iter().find(|other| other["key"] == key).unwrap();
        other["reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(reason(&taken, "routes[0]"), "the host is not `m.example`");
    assert_eq!(reason(&taken, "routes[1]"), "it would take the request with x-to: member");
    assert_eq!(reason(&taken, "routes[3]"), "the path does not match");
    let first = explain("method=GET&path=/a&host=m.example").await.1;
    assert_eq!(first["instances"][0]["address"], member.address.to_string());
    assert_eq!(reason(&first, "routes[2]"), "routes[0] takes the request before it");

    let rewritten = explain("method=DELETE&path=/b/7?x=1").await.1;
    assert_eq!(
        (&rewritten["route"]["key"], &rewritten["forwardedPath"]),
        (&json!("routes[3]"), &json!("/c/7?x=1"))
    );
    let specific = explain("method=GET&path=/b/mine").await.1;
    assert_eq!((&specific["route"], &specific["status"]), (&Value::Null, &json!(405)));
    assert_eq!(reason(&specific, "routes[3]"), "`/b/mine` is more specific");
    assert_eq!(reason(&specific, "routes[4]"), "GET is not one of its methods");
    for query in ["method=GET&path=/nowhere", "method=GET&path=/a/..%2finternal", "method=GET&path=/a"] {
        assert_eq!(explain(query).await.1["status"], 404, "{query}");
    }
}

#[tokio::test]
async fn a_question_with_a_fault_is_told_each_of_them() {
    let line = "  - { path: \"/a\", methods: [GET], service: store-api, access: public }\n";
    let routing =
        Routing::new(&routes(line), &fixed(&[]), &Revocations::new(clock::Clock::system())).unwrap();
    for (query, faults) in [
        ("", vec!["/method"]),
        ("method=GET", vec!["/path"]),
        ("path=/a", vec!["/method"]),
        ("method=G%20T&path=a", vec!["/method", "/path"]),
        ("method=GET&path=http://a/b", vec!["/path"]),
        ("method=GET&path=/%20%zz", vec!["/path"]),
        ("method=GET&method=PUT&path=/a", vec!["/method"]),
        ("method=GET&path=/a&x=1", vec!["/x"]),
    ] {
        let (status, problem) = managed(&routing, &format!("/explain?{query}")).await;
        let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| &e["pointer"]).collect();
        assert_eq!((status, &problem["code"]), (400, &json!("INVALID_PARAMETER")), "{query}");
        assert_eq!(pointers, faults, "{query}");
    }
}
