//! Limits on the requests of addresses and members, with a real Redis behind a proxy that breaks.

use access::Role;
use axum::Router;
use axum::body::Body;
use gateway::Routing;
use gateway::settings::{LimitedBy, PolicySettings, TableSettings};
use redis_connection::RedisSettings;
use testkit::FaultProxy;

use crate::harness::{
    Answer, Gateway, MEMBER, STORE, Service, closed_address, fixed, redis_url, settings, with_timeout,
};

const SEARCH: &str = "/api/store/items";
const WALLET: &str = "/api/member/me/wallet";
const QUOTA: u32 = 5;

/// Settings in which a policy that no other test has limits searching and reading the wallet. A window is longer than a test.
fn limited(by: LimitedBy, redis: Option<String>) -> TableSettings {
    let mut settings = settings();
    let name = format!("p{}", uuid::Uuid::new_v4().simple());
    let policy = PolicySettings { by, requests: QUOTA, window_s: 3_600 };
    settings.limits.enabled = true;
    settings.limits.policies = [(name.clone(), policy)].into();
    // Longer than any delay of a busy machine, so that only a Redis that is away counts as away.
    settings.limits.redis_timeout_ms = 300;
    let path = if by == LimitedBy::Address { SEARCH } else { WALLET };
    for route in &mut settings.routes {
        route.limits = if route.path == path { vec![name.clone()] } else { Vec::new() };
    }
    settings.redis = redis.map(RedisSettings::at);
    settings
}

async fn gateway(settings: &TableSettings) -> Gateway {
    let service = Service::start().await;
    Gateway::start(settings, &fixed(&[(STORE, service.address), (MEMBER, service.address)])).await
}

/// Sends requests until one is refused, and returns how many were allowed.
async fn allowed_searches(gateway: &Gateway) -> u32 {
    for allowed in 0..100 {
        let answer = gateway.get(SEARCH).await;
        if answer.status == 429 {
            return allowed;
        }
        assert_eq!(answer.status, 200);
    }
    panic!("no request was refused");
}

async fn wallet_of(gateway: &Gateway, token: &str) -> Answer {
    let request = gateway.request("GET", WALLET).header("authorization", format!("Bearer {token}"));
    gateway.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_request_beyond_the_quota_is_refused_and_the_answers_say_what_is_left() {
    for redis in [None, Some(redis_url())] {
        let settings = limited(LimitedBy::Address, redis);
        let name = settings.limits.policies.keys().next().unwrap().clone();
        let gateway = gateway(&settings).await;
        for left in (0..QUOTA).rev() {
            let answer = gateway.get(SEARCH).await;
            assert_eq!(answer.status, 200);
            assert_eq!(
                answer.header("ratelimit-policy"),
                Some(format!("\"{name}\";q={QUOTA};w=3600").as_str())
            );
            let standing = answer.header("ratelimit").unwrap();
            assert!(standing.starts_with(&format!("\"{name}\";r={left};t=")), "{standing}");
        }
        let answer = gateway.get(SEARCH).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (429, "RATE_LIMITED"));
        // One request comes back after a fifth of the window.
        let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((600..=720).contains(&wait), "{wait}");
        assert!(answer.header("ratelimit").unwrap().starts_with(&format!("\"{name}\";r=0;t=")));
        assert!(answer.header("ratelimit-policy").is_some());
        assert_eq!(gateway.get("/api/store/stores").await.status, 200, "another route is not limited");
    }
}

#[tokio::test]
async fn gateways_with_one_redis_allow_the_quota_together() {
    let settings = limited(LimitedBy::Address, Some(redis_url()));
    let gateways = [gateway(&settings).await, gateway(&settings).await];
    let mut allowed = 0;
    for turn in 0..4 * QUOTA as usize {
        allowed += u32::from(gateways[turn % 2].get(SEARCH).await.status == 200);
    }
    assert_eq!(allowed, QUOTA);
}

#[tokio::test]
async fn requests_at_the_same_time_do_not_get_past_the_quota() {
    for redis in [None, Some(redis_url())] {
        let gateway = gateway(&limited(LimitedBy::Address, redis)).await;
        let answers = futures::future::join_all((0..4 * QUOTA).map(|_| gateway.get(SEARCH))).await;
        let allowed = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(allowed, QUOTA as usize);
    }
}

#[tokio::test]
async fn while_redis_is_away_or_stands_still_a_gateway_counts_alone() {
    let away = format!("redis://{}", closed_address());
    let one = gateway(&limited(LimitedBy::Address, Some(away))).await;
    assert_eq!(allowed_searches(&one).await, QUOTA);

    let proxy = FaultProxy::to(redis_url().trim_start_matches("redis://").split('/').next().unwrap());
    proxy.stall();
    let stalled = format!("redis://{}", proxy.address());
    let one = gateway(&limited(LimitedBy::Address, Some(stalled))).await;
    assert_eq!(allowed_searches(&one).await, QUOTA);
}

#[tokio::test]
async fn a_redis_that_is_back_is_asked_again() {
    let proxy = FaultProxy::to(redis_url().trim_start_matches("redis://").split('/').next().unwrap());
    let mut settings = limited(LimitedBy::Address, Some(format!("redis://{}", proxy.address())));
    settings.limits.redis_pause_ms = 100;
    for policy in settings.limits.policies.values_mut() {
        policy.requests = 1_000_000;
    }
    let gateway = gateway(&settings).await;
    proxy.refuse();
    assert_eq!(gateway.get(SEARCH).await.status, 200);
    let refused = proxy.connections();
    proxy.restore();
    let asked = async {
        while proxy.connections() == refused {
            assert_eq!(gateway.get(SEARCH).await.status, 200);
        }
    };
    with_timeout(asked).await;
}

#[tokio::test]
async fn each_address_behind_a_trusted_proxy_has_its_own_quota_and_can_not_forge_another() {
    let mut settings = limited(LimitedBy::Address, None);
    settings.public.trusted_proxies = vec!["127.0.0.0/8".to_owned()];
    let gateway = gateway(&settings).await;
    let status = async |forwarded_for: &str| {
        let request = gateway.request("GET", SEARCH).header("x-forwarded-for", forwarded_for);
        gateway.send(request.body(Body::empty()).unwrap()).await.status.as_u16()
    };
    for n in 0..QUOTA {
        assert_eq!(status(&format!("192.0.2.{n}, 198.51.100.1")).await, 200);
    }
    assert_eq!(status("192.0.2.77, 198.51.100.1").await, 429);
    assert_eq!(status("198.51.100.2").await, 200);
    for n in 0..QUOTA {
        assert_eq!(status(&format!("2001:db8::{n}")).await, 200);
    }
    assert_eq!(status("2001:db8::ffff").await, 429, "a network of 64 bits is one client");
    assert_eq!(status("2001:db8:0:1::1").await, 200);
}

#[tokio::test]
async fn each_member_has_their_own_quota_and_nobody_else_uses_it_up() {
    let gateway = gateway(&limited(LimitedBy::Member, Some(redis_url()))).await;
    let (one, other) = (gateway.token(Role::Customer), gateway.token(Role::Customer));
    let forged = format!("{}x", &one[..one.len() - 1]);
    for _ in 0..2 * QUOTA {
        assert_eq!(wallet_of(&gateway, &forged).await.status, 401);
    }
    for _ in 0..QUOTA {
        assert_eq!(wallet_of(&gateway, &one).await.status, 200);
    }
    assert_eq!(wallet_of(&gateway, &one).await.code(), "RATE_LIMITED");
    assert_eq!(wallet_of(&gateway, &other).await.status, 200);
}

#[tokio::test]
async fn the_limits_of_a_service_are_told_beside_those_of_the_gateway() {
    let answer =
        || async { [("ratelimit", "\"account\";r=3"), ("ratelimit-policy", "\"account\";q=5;w=60")] };
    let service = Service::answering(Router::new().fallback(answer)).await;
    let settings = limited(LimitedBy::Address, None);
    let gateway = Gateway::start(&settings, &fixed(&[(STORE, service.address)])).await;
    let answer = gateway.get(SEARCH).await;
    for field in ["ratelimit", "ratelimit-policy"] {
        let all: Vec<_> = answer.headers.get_all(field).iter().collect();
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(all[0].to_str().unwrap().starts_with("\"account\""));
    }
}

#[tokio::test]
async fn without_limits_nothing_is_counted() {
    let mut settings = limited(LimitedBy::Address, None);
    settings.limits.enabled = false;
    let gateway = gateway(&settings).await;
    for _ in 0..4 * QUOTA {
        let answer = gateway.get(SEARCH).await;
        assert_eq!((answer.status.as_u16(), answer.header("ratelimit")), (200, None));
    }
}

#[tokio::test]
async fn a_malformed_address_of_redis_is_refused_at_the_start() {
    let settings = limited(LimitedBy::Address, Some("redis://:not a port".to_owned()));
    let clock = clock::Clock::system();
    let refused = Routing::new(&settings, &fixed(&[]), &gateway::revocations::Revocations::new(clock));
    let Err(error) = refused else { panic!("it was accepted") };
    assert!(error.to_string().starts_with("redis.url"), "{error}");
}
