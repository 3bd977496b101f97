//! A Consul with access control: the token of the settings is sent with every request.

use std::time::Duration;

use discovery::{Consul, Discovery, Settings};
use serde_json::json;

use crate::support::{ReadyProcess, consul, consul_url, soon};

/// Makes a token that can register the service `name` and read all others, and nothing else.
async fn token_for(name: &str) -> String {
    let management = std::env::var("CONSUL_MANAGEMENT_TOKEN").unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let put = async |path: &str, body: serde_json::Value| {
        let request = client.put(format!("{}/v1/acl/{path}", consul_url())).json(&body);
        let answer = request.header("x-consul-token", &management).send().await.unwrap();
        answer.error_for_status().unwrap().json::<serde_json::Value>().await.unwrap()
    };
    let rules = format!(
        r#"service_prefix "" {{ policy = "read" }} node_prefix "" {{ policy = "read" }} service "{name}" {{ policy = "write" }}"#
    );
    put("policy", json!({ "Name": name, "Rules": rules })).await;
    let token = put("token", json!({ "Policies": [{ "Name": name }] })).await;
    token["SecretID"].as_str().unwrap().to_owned()
}

fn with_token(token: &str) -> Consul {
    let settings = json!({ "url": consul_url(), "token": token });
    Consul::from_settings(&serde_json::from_value::<Settings>(settings).unwrap()).unwrap()
}

#[tokio::test]
async fn a_token_registers_its_service_and_finds_others() {
    let process = ReadyProcess::start().await;
    let consul = with_token(&token_for(&process.registration.name).await);
    let registered = process.register_at(consul.clone());

    let instances = Discovery::new(consul).instances(&process.registration.name);
    soon(instances.wait_for_count(|count| count == 1)).await;

    process.leave.cancel();
    soon(registered).await.unwrap();
    soon(instances.wait_for_count(|count| count == 0)).await;
}

#[tokio::test]
async fn a_token_of_another_service_registers_nothing() {
    let owner = ReadyProcess::start().await;
    let (stranger, allowed) = (ReadyProcess::start().await, ReadyProcess::start().await);
    let refused = stranger.register_at(with_token(&token_for(&owner.registration.name).await));
    let registered = allowed.register();

    let discovery = Discovery::new(consul());
    soon(discovery.instances(&allowed.registration.name).wait_for_count(|count| count == 1)).await;
    let strangers = discovery.instances(&stranger.registration.name);
    assert!(strangers.wait_ready(Duration::from_secs(30)).await);
    assert_eq!(strangers.count(), 0);

    for (process, task) in [(stranger, refused), (allowed, registered)] {
        process.leave.cancel();
        soon(task).await.unwrap();
    }
}

#[test]
fn a_token_that_cannot_be_sent_is_refused_without_being_shown() {
    let settings = json!({ "url": "http://127.0.0.1:8500", "token": "two\nlines" });
    let error = Consul::from_settings(&serde_json::from_value::<Settings>(settings).unwrap()).unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("consul.token") && !text.contains("lines"), "{text}");
}
