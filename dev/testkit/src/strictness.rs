//! What every operation of a service must refuse, whatever it does: made from its OpenAPI document, so that a new route is
//! checked too.

use http::{Method, StatusCode};
use serde_json::Value;
use uuid::Uuid;

use crate::client::{Answer, Client, Request, Transport};

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
/// EUC-KR, a byte that begins nothing, an encoded surrogate, and `%` that encode nothing.
const NO_TEXT: [&str; 6] = ["%C4%C9%C0%CC%C5%A9", "%FF", "%ED%A0%80", "%", "%4", "%zz"];

/// An operation of the document.
struct Operation {
    method: Method,
    /// With the names of its parameters, in braces.
    path: String,
    parameters: Vec<String>,
    has_body: bool,
}

/// Sends requests with faults to every operation in the document of a service, and checks the refusals. Each operation must let
/// in at least one of the members with these tokens.
///
/// # Panics
/// If an operation takes what it should refuse.
pub async fn check_strictness<T: Transport>(client: &Client<T>, tokens: &[&str]) {
    let document = client.get("/openapi.json").send().await.expect(StatusCode::OK).body;
    client.get("/openapi.json?x=1").send().await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    for operation in operations(&document) {
        let service = Caller { client, tokens, operation: &operation };
        service.check_query().await;
        service.check_path().await;
        service.check_body().await;
    }
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("the paths of a document") {
        for (method, operation) in item.as_object().expect("the operations of a path") {
            let method: Method = method.to_uppercase().parse().expect("a method");
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let of_query = parameters.filter(|parameter| parameter["in"] == "query");
            let names = of_query.filter_map(|parameter| parameter["name"].as_str());
            let parameters: Vec<String> = names.map(str::to_owned).collect();
            let has_body = operation["requestBody"].is_object();
            if method == Method::GET {
                let (path, parameters) = (path.clone(), parameters.clone());
                operations.push(Operation { method: Method::HEAD, path, parameters, has_body });
            }
            operations.push(Operation { method, path: path.clone(), parameters, has_body });
        }
    }
    operations
}

struct Caller<'a, T> {
    client: &'a Client<T>,
    tokens: &'a [&'a str],
    operation: &'a Operation,
}

impl<T: Transport> Caller<'_, T> {
    /// The answer to the member who may call.
    async fn ask(&self, path: &str, change: impl Fn(Request<T>) -> Request<T>) -> Answer {
        let mut last = None;
        for token in self.tokens {
            let request = self.client.request(self.operation.method.clone(), path).bearer(token);
            let answer = change(request.key(&Uuid::new_v4().to_string())).send().await;
            if ![StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&answer.status) {
                return answer;
            }
            last = Some(answer.status);
        }
        panic!("{} {path} lets nobody in: {last:?}", self.operation.method)
    }

    async fn refuse(&self, path: &str, code: &str, pointer: &str, change: impl Fn(Request<T>) -> Request<T>) {
        let answer = self.ask(path, change).await;
        let what = format!("{} {path}: {}", self.operation.method, answer.text());
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{what}");
        if self.operation.method != Method::HEAD {
            assert_eq!(answer.code(), code, "{what}");
            assert!(answer.fault_pointers().contains(&pointer), "{what}");
        }
    }

    async fn check_query(&self) {
        let path = filled(&self.operation.path, ID);
        let refuse = async |query: &str, pointer: &str| {
            self.refuse(&format!("{path}?{query}"), "INVALID_PARAMETER", pointer, |request| request).await;
        };
        refuse("foo=1", "/foo").await;
        refuse("foo", "/foo").await;
        for no_text in NO_TEXT {
            refuse(&format!("foo={no_text}"), "/foo").await;
        }
        refuse("%FF=1", "/\u{fffd}").await;
        for name in &self.operation.parameters {
            for no_text in NO_TEXT {
                refuse(&format!("{name}={no_text}"), &format!("/{name}")).await;
            }
            refuse(&format!("{name}=1&{name}=1"), &format!("/{name}")).await;
        }
        if self.operation.parameters.iter().any(|name| name == "cursor") {
            for cursor in ["AAAA", "made-up", "%EA%B0%80", "AAAAAAAAAAAtMQ", "e30"] {
                let answer = self.ask(&format!("{path}?cursor={cursor}"), |request| request).await;
                assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {cursor}: {}", answer.text());
            }
            self.ask(&format!("{path}?cursor="), |request| request).await.expect(StatusCode::OK);
        }
        for (from, to) in [("from", "to"), ("minPrice", "maxPrice")] {
            if self.operation.parameters.iter().any(|name| name == from) {
                let [low, high] = if from == "from" { ["2026-11-01", "2026-11-02"] } else { ["1", "2"] };
                for pointer in [from, to] {
                    refuse(&format!("{from}={high}&{to}={low}"), &format!("/{pointer}")).await;
                }
                let equal = self.ask(&format!("{path}?{from}={low}&{to}={low}"), |request| request).await;
                assert_eq!(equal.status, StatusCode::OK, "{path}: {}", equal.text());
            }
        }
    }

    async fn check_path(&self) {
        if !self.operation.path.contains('{') {
            return;
        }
        for part in ["%FF", "%ED%A0%80", "%C4%C9", "%00", "x"] {
            let path = filled(&self.operation.path, part);
            let answer = self.ask(&path, |request| request).await;
            let refused =
                [StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND, StatusCode::UNSUPPORTED_MEDIA_TYPE];
            assert!(refused.contains(&answer.status), "{} {path}: {}", self.operation.method, answer.text());
        }
    }

    async fn check_body(&self) {
        let path = filled(&self.operation.path, ID);
        if !self.operation.has_body {
            for body in ["{}", "x"] {
                let answer = self.ask(&path, |request| request.bytes("application/json", body)).await;
                let what = format!("{} {path}: {}", self.operation.method, answer.text());
                assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{what}");
                if self.operation.method != Method::HEAD {
                    assert_eq!(answer.code(), "BAD_REQUEST", "{what}");
                }
            }
            return;
        }
        let refuse = async |body: String, code: &str, pointer: &str| {
            self.refuse(&path, code, pointer, |request| request.bytes("application/json", body.clone()))
                .await;
        };
        for (body, pointer) in [
            ("[]", ""),
            ("null", ""),
            ("1", ""),
            (r#"{"foo": 1}"#, "/foo"),
            (r#"{"foo": 1, "foo": 2}"#, "/foo"),
            (r#"{"foo": {"a": 1, "a": 2}}"#, "/foo/a"),
            (r#"{"foo": [1e400]}"#, "/foo/0"),
            (r#"{"foo": "\ud800"}"#, "/foo"),
        ] {
            refuse(body.to_owned(), "VALIDATION_FAILED", pointer).await;
        }
        let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
        let answer = self.ask(&path, |request| request.bytes("application/json", deep.clone())).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        let answer = self.ask(&path, |request| request.bytes("application/json", "{")).await;
        answer.expect_problem(StatusCode::BAD_REQUEST, "MALFORMED_JSON");
    }
}

/// The path with the same text for each of its parameters.
fn filled(path: &str, text: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { text } else { part });
    parts.collect::<Vec<_>>().join("/")
}
