//! Signing in and up through the gateway, behind a proxy that it trusts.

use http::StatusCode;
use serde_json::json;
use stack::{Override, Stack};
use system_tests::Client;
use system_tests::test_stack::{gateway, start};
use testkit::Answer;
use testkit::member::{Member, PASSWORD};
use tokio::task::JoinSet;
use uuid::Uuid;

/// As many as made member-api too slow for the gateway, when all of them waited for their hash.
const FLOOD: usize = 160;

/// The proxy is this test, which connects from the loopback.
fn behind_a_proxy(more: Vec<Override>) -> Stack {
    let proxies = Override::new("gateway", "public.trusted-proxies", vec!["127.0.0.0/8"]);
    start(|_| [vec![proxies], more].concat())
}

async fn sign_up(client: &Client, email: &str, forwarded_for: &str) -> Answer {
    let body = json!({ "email": email, "password": PASSWORD, "name": "홍길동" });
    client.post("/api/member/customers").header("x-forwarded-for", forwarded_for).json(&body).send().await
}

async fn sign_in(client: &Client, email: &str, password: &str, forwarded_for: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    client.post("/api/member/sessions").header("x-forwarded-for", forwarded_for).json(&body).send().await
}

fn new_email() -> String {
    format!("{}@dalkom.example", Uuid::new_v4().simple())
}

#[tokio::test]
async fn a_flood_of_sign_ups_ejects_no_instance_and_others_do_not_notice() {
    let stack = behind_a_proxy(vec![
        // Longer than a request waits for its hash, and than the hash takes on a busy machine.
        Override::new("gateway", "upstream.first-byte-timeout-ms", 3_000),
        Override::new("member-api", "passwords.queue-wait-ms", 500),
        Override::new("member-api", "passwords.hashes-at-once", 1),
    ]);
    let client = gateway(&stack);
    let member = Member::customer(&client, 1_000).await;
    let mut flood = JoinSet::new();
    for _ in 0..FLOOD {
        let client = client.clone();
        flood.spawn(async move { sign_up(&client, &new_email(), "198.51.100.1").await });
    }
    let mut answers = Vec::new();
    while !flood.is_empty() {
        assert_eq!(member.balance().await, 1_000);
        client.get("/api/store/items").send().await.expect(StatusCode::OK);
        while let Some(answer) = flood.try_join_next() {
            answers.push(answer.unwrap());
        }
    }
    let refused = answers.iter().filter(|answer| answer.status == StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.clone().all(|answer| answer.header("retry-after") == "1"));
    // Had an instance been ejected, all would be refused from then on.
    assert!(refused.count() < FLOOD);
    assert_eq!(member.balance().await, 1_000);
}

#[tokio::test]
async fn a_guesser_behind_a_proxy_can_neither_forge_another_address_nor_keep_a_member_out() {
    // Its gateway waits long enough for every hash, also on a busy machine: no other answer than the ones below is right.
    let stack = behind_a_proxy(Vec::new());
    let client = gateway(&stack);
    let email = new_email();
    let (home, guesser) = ("203.0.113.7", "198.51.100.9");
    sign_up(&client, &email, home).await.expect(StatusCode::CREATED);
    let mut refused = 0;
    for n in 0..30 {
        // The proxy adds the guesser's address to what the guesser sends.
        let forwarded_for = format!("{home}, 192.0.2.{n}, {guesser}");
        let answer = sign_in(&client, &email, "a wrong password", &forwarded_for).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            refused += 1;
        } else {
            answer.expect_service_problem(StatusCode::UNAUTHORIZED, "BAD_CREDENTIALS");
        }
    }
    assert!(refused > 0);
    sign_in(&client, &email, PASSWORD, home).await.expect(StatusCode::CREATED);
}
