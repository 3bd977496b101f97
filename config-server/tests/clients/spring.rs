//! A Spring Boot application with spring-cloud-starter-config.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use axum::http::StatusCode;
use serde_json::{Value, json};
use testkit::eventually;

use crate::git_origin::Origin;
use crate::program::{PATIENCE, Program, free_port};
use crate::world::{APPLICATION, LABEL, PASSWORD, SEALED_BY_OURS, SEALED_BY_SPRINGS, World, tool};

/// Starts the application with these settings of its own.
fn start(folder: &Path, urls: &str, settings: &[&str]) -> Program {
    let port = free_port();
    let mut command = Command::new("java");
    command.args(["-XX:TieredStopAtLevel=1", "-jar"]).arg(tool("spring/spring-config-client.jar"));
    command.args([
        &format!("--server.port={port}"),
        "--server.address=127.0.0.1",
        &format!("--spring.application.name={APPLICATION}"),
        "--spring.config.import=configserver:",
        &format!("--spring.cloud.config.uri={urls}"),
        &format!("--spring.cloud.config.username={APPLICATION}"),
        &format!("--spring.cloud.config.password={PASSWORD}"),
        "--management.endpoints.web.exposure.include=env,health,refresh",
        "--management.endpoint.env.show-values=always",
        "--management.endpoint.health.show-components=always",
        "--management.endpoint.health.show-details=always",
    ]);
    // The last one of several arguments with the same name counts.
    command.args(settings);
    Program::start(&mut command, port, folder)
}

async fn started(folder: &Path, urls: &str, settings: &[&str]) -> Program {
    ready(start(folder, urls, settings)).await
}

async fn ready(application: Program) -> Program {
    application.ready("/greeting", |answer| answer.status == StatusCode::OK).await
}

/// A value and its source, as the environment of the application has them.
async fn property(application: &Program, key: &str) -> (Value, String) {
    let answer = application.client().get(&format!("/actuator/env/{key}")).send().await;
    let property = &answer.body["property"];
    (property["value"].clone(), property["source"].as_str().unwrap_or_default().to_owned())
}

async fn greeting(application: &Program) -> String {
    application.client().get("/greeting").send().await.expect(StatusCode::OK).text()
}

async fn refresh(application: &Program) -> Value {
    application.client().post("/actuator/refresh").send().await.expect(StatusCode::OK).body
}

#[tokio::test]
#[ignore = "needs Java; run by .ci/config-clients"]
async fn an_application_starts_on_its_settings_and_takes_new_ones_at_a_refresh() {
    let world = World::start().await;
    let label = format!("--spring.cloud.config.label={LABEL}");
    let application =
        started(world.folder(), &world.server.url, &["--spring.profiles.active=dev", &label]).await;

    let typed = application.client().get("/shop").send().await.expect(StatusCode::OK);
    assert_eq!(
        typed.body,
        json!({ "open": true, "limit": 493, "timeout": 3_000, "categories": ["cake", "빵"] })
    );
    for (key, value, file) in [
        ("greeting", "from canary", "canary/shop-dev.yml"),
        ("resolved", "from canary, and nobody else", "application.yml"),
        ("secrets.ours", SEALED_BY_OURS, "shop.yml"),
        ("secrets.springs", SEALED_BY_SPRINGS, "shop.yml"),
    ] {
        let (given, source) = property(&application, key).await;
        assert_eq!(given, json!(value), "{key}");
        assert!(source.starts_with("configserver:file:") && source.ends_with(file), "{key}: {source}");
    }
    let health = application.client().get("/actuator/health").send().await;
    assert_eq!(health.body["components"]["clientConfigServer"]["status"], json!("UP"), "{}", health.body);
    let (version, _) = property(&application, "config.client.version").await;
    assert!(version.as_str().is_some_and(|version| !version.is_empty()), "{version}");
    assert_eq!(refresh(&application).await, json!([]));

    world.write("canary/shop-dev.yml", "greeting: changed\n");

    let changed = eventually(PATIENCE, async || {
        let changed = refresh(&application).await;
        if changed == json!([]) { Err("nothing has changed".to_owned()) } else { Ok(changed) }
    });
    assert_eq!(changed.await, json!(["greeting"]));
    assert_eq!(greeting(&application).await, "changed");
}

#[tokio::test]
#[ignore = "needs Java; run by .ci/config-clients"]
async fn an_application_tries_the_next_label_and_the_next_server() {
    let world = World::start().await;
    let origin = Origin::new();
    let files: Vec<_> = world.files.iter().map(|(path, content)| (*path, content.as_str())).collect();
    origin.commit(&files);
    origin.git(&["checkout", "--quiet", "-b", "feature/cake"]);
    let commit = origin.commit(&[
        ("shop.yml", "greeting: from a branch\n"),
        ("shop-dev.yml", ""),
        ("shop-blue.yml", "blue: 1\n"),
    ]);
    let server = world.serve_git(origin.path()).await;
    let urls = format!("http://127.0.0.1:{},{}", free_port(), server.url);
    let settings = [
        "--spring.cloud.config.fail-fast=true",
        "--spring.cloud.config.label=gone,feature/cake",
        "--spring.profiles.active=dev,blue",
    ];

    let application = started(world.folder(), &urls, &settings).await;

    assert_eq!(greeting(&application).await, "from a branch");
    assert_eq!(property(&application, "blue").await.0, json!(1));
    // A git repository has a version, and a blank state, which the client does not keep.
    assert_eq!(property(&application, "config.client.version").await.0, json!(commit));
    assert_eq!(property(&application, "config.client.state").await.0, json!(null));

    let next = origin.commit(&[("shop.yml", "greeting: from the next commit\n")]);
    eventually(PATIENCE, async || {
        refresh(&application).await;
        let greeting = greeting(&application).await;
        if greeting == "from the next commit" { Ok(()) } else { Err(greeting) }
    })
    .await;
    assert_eq!(property(&application, "config.client.version").await.0, json!(next));
}

#[tokio::test]
#[ignore = "needs Java; run by .ci/config-clients"]
async fn an_application_waits_for_a_server_that_starts_later() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        "--spring.profiles.active=dev",
        "--spring.cloud.config.fail-fast=true",
        "--spring.cloud.config.retry.initial-interval=100",
        "--spring.cloud.config.retry.max-interval=500",
        "--spring.cloud.config.retry.max-attempts=1000",
    ];
    let application = start(folder.path(), &format!("http://{address}"), &settings);
    // Two tries fail. Then the server is there.
    let failed = tokio::task::spawn_blocking(move || {
        for _ in 0..2 {
            drop(listener.accept().unwrap());
        }
    });
    tokio::time::timeout(PATIENCE, failed).await.unwrap().unwrap();
    let _world = World::start_at(address.port()).await;

    let application = ready(application).await;

    assert_eq!(greeting(&application).await, "from dev");
}

#[tokio::test]
#[ignore = "needs Java; run by .ci/config-clients"]
async fn an_application_that_fails_fast_does_not_start_without_its_settings() {
    let world = World::start().await;
    let nobody = format!("http://127.0.0.1:{}", free_port());
    for (urls, password, reason) in
        [(&nobody, PASSWORD, "Connection refused"), (&world.server.url, "wrong", "401")]
    {
        let password = format!("--spring.cloud.config.password={password}");
        let settings =
            ["--spring.cloud.config.fail-fast=true", "--spring.cloud.config.retry.max-attempts=2", &password];

        let (status, log) = start(world.folder(), urls, &settings).ended().await;

        assert!(!status.success(), "{log}");
        assert!(log.contains("ConfigClientFailFastException") && log.contains(reason), "{log}");
    }
}
