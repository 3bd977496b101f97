//! The check of the caller: forged and foreign tokens, and wrong roles.

use access::{Role, ServiceTokens, SigningKey};
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::harness::{Answer, Gateway, MEMBER, ORDER, STORE, Service, access_settings};

const FOR_ANY: &str = "/api/member/me";

struct Scene {
    service: Service,
    gateway: Gateway,
}

impl Scene {
    async fn new() -> Self {
        let service = Service::start().await;
        let services = [(MEMBER, service.address), (STORE, service.address), (ORDER, service.address)];
        Self { gateway: Gateway::before(&services).await, service }
    }

    async fn call(&self, method: &str, path: &str, authorization: &str) -> Answer {
        let request = self.gateway.request(method, path).header("authorization", authorization);
        self.gateway.send(request.body(Body::empty()).unwrap()).await
    }

    async fn refuses(&self, authorization: &str) {
        let answer = self.call("GET", FOR_ANY, authorization).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (401, "UNAUTHENTICATED"),
            "{authorization}"
        );
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        assert!(self.service.received().is_empty());
    }
}

fn new_key() -> SigningKey {
    SigningKey::from_base64(&SigningKey::generate().unwrap()).unwrap()
}

/// Changes the header or the claims of a token.
fn forged(token: &str, part: usize, change: impl Fn(&mut Value)) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let mut value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(&parts[part]).unwrap()).unwrap();
    change(&mut value);
    parts[part] = URL_SAFE_NO_PAD.encode(value.to_string());
    parts.join(".")
}

#[tokio::test]
async fn a_valid_token_is_accepted_and_forwarded() {
    let scene = Scene::new().await;
    let authorization = format!("Bearer {}", scene.gateway.token(Role::Seller));
    assert_eq!(scene.call("GET", FOR_ANY, &authorization).await.status, 200);
    assert_eq!(scene.service.only().headers["authorization"], authorization);
}

#[tokio::test]
async fn no_token_or_something_else_is_refused() {
    let scene = Scene::new().await;
    assert_eq!(scene.gateway.get(FOR_ANY).await.code(), "UNAUTHENTICATED");
    let token = scene.gateway.token(Role::Customer);
    for other in
        ["", "Bearer", "Bearer ", "Bearer x", "Basic YTpi", "Bearer a.b.c", &token, &format!("Token {token}")]
    {
        scene.refuses(other).await;
    }
    let twice = scene.gateway.request("GET", FOR_ANY).header("authorization", format!("Bearer {token}"));
    let twice = twice.header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap();
    assert_eq!(scene.gateway.send(twice).await.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    let scene = Scene::new().await;
    let token = scene.gateway.token(Role::Customer);
    for alg in ["none", "None", "NONE", "HS256", "RS256", "ES256"] {
        let other = forged(&token, 0, |header| header["alg"] = json!(alg));
        let unsigned = other.rsplit_once('.').unwrap().0;
        scene.refuses(&format!("Bearer {other}")).await;
        scene.refuses(&format!("Bearer {unsigned}.")).await;
        scene.refuses(&format!("Bearer {unsigned}")).await;
    }
}

#[tokio::test]
async fn a_token_of_another_key_is_refused() {
    let scene = Scene::new().await;
    let other = scene.gateway.sign(&scene.gateway.access, &new_key(), Role::Admin);
    scene.refuses(&format!("Bearer {other}")).await;
    let under_our_name = forged(&other, 0, |header| header["kid"] = json!(scene.gateway.key.id()));
    scene.refuses(&format!("Bearer {under_our_name}")).await;
    let nameless = forged(&other, 0, |header| {
        header.as_object_mut().unwrap().remove("kid");
    });
    scene.refuses(&format!("Bearer {nameless}")).await;
}

#[tokio::test]
async fn a_token_whose_claims_were_changed_is_refused() {
    let scene = Scene::new().await;
    let token = scene.gateway.token(Role::Customer);
    scene.refuses(&format!("Bearer {}", forged(&token, 1, |claims| claims["role"] = json!("ADMIN")))).await;
    scene
        .refuses(&format!("Bearer {}", forged(&token, 1, |claims| claims["exp"] = json!(9_999_999_999_u64))))
        .await;
}

/// Fault 18 of the predecessor: expired tokens were accepted.
#[tokio::test]
async fn an_expired_token_is_refused() {
    let scene = Scene::new().await;
    let token = scene.gateway.token(Role::Customer);
    scene.gateway.clock_control.advance(std::time::Duration::from_secs(15 * 60 + 6));
    scene.refuses(&format!("Bearer {token}")).await;
}

#[tokio::test]
async fn a_token_with_another_issuer_or_audience_is_refused() {
    let scene = Scene::new().await;
    let key = &scene.gateway.key;
    let other_audience = scene.gateway.sign(&access_settings("another system"), key, Role::Customer);
    scene.refuses(&format!("Bearer {other_audience}")).await;
    let other_issuer = access::Settings { issuer: "another".to_owned(), ..access_settings("dalkom") };
    scene.refuses(&format!("Bearer {}", scene.gateway.sign(&other_issuer, key, Role::Customer))).await;
}

#[tokio::test]
async fn a_service_token_is_not_an_access_token() {
    let scene = Scene::new().await;
    let tokens = ServiceTokens::new("order-api", new_key(), scene.gateway.clock.clone());
    for audience in ["gateway", "member-api", "dalkom"] {
        scene.refuses(&format!("Bearer {}", tokens.token_for(audience).unwrap())).await;
    }
}

/// Fault 16 of the predecessor: an empty role list passed every check.
#[tokio::test]
async fn every_role_but_the_routes_own_is_refused() {
    let scene = Scene::new().await;
    let routes = [
        ("POST", "/api/member/me/wallet/charges", Role::Customer),
        ("POST", "/api/store/stores", Role::Seller),
        ("GET", "/api/member/audit", Role::Admin),
    ];
    for (method, path, own) in routes {
        for role in [Role::Customer, Role::Seller, Role::Admin] {
            let answer = scene.call(method, path, &format!("Bearer {}", scene.gateway.token(role))).await;
            if role == own {
                assert_eq!(answer.status, 200, "{path} as {role:?}");
            } else {
                assert_eq!(
                    (answer.status.as_u16(), answer.code().as_str()),
                    (403, "WRONG_ROLE"),
                    "{path} as {role:?}"
                );
            }
        }
    }
    assert_eq!(scene.service.received().len(), routes.len());
}

#[tokio::test]
async fn a_public_route_does_not_check_the_token() {
    let scene = Scene::new().await;
    assert_eq!(scene.call("GET", "/api/store/items", "Bearer nonsense").await.status, 200);
}
