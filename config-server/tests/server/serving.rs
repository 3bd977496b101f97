//! The files that are served, their order, and errors in files.

use std::fs;

use axum::http::StatusCode;
use garde::Validate;
use serde::Deserialize;
use serde_json::json;
use settings::{Environment, Tree};

use crate::harness::{Harness, only_source};

#[tokio::test]
async fn answers_in_the_json_of_spring_cloud_config() {
    let server = Harness::new();
    server.write(
        "base/member-api.yml",
        "database: {max-connections: 8}\ngateway:\n  routes: [{path: /a}, {path: /b}]\n",
    );

    let answer = server.settings().await.expect(StatusCode::OK);

    assert_eq!(answer.header("content-type"), "application/json");
    let version = answer.body["version"].as_str().unwrap();
    assert_eq!(version.len(), 64);
    assert_eq!(
        answer.body,
        json!({
            "name": "member-api",
            "profiles": ["default"],
            "label": null,
            "version": version,
            "state": null,
            "propertySources": [{
                "name": format!("file:{}", server.path("base/member-api.yml").display()),
                "source": {
                    "database.max-connections": 8,
                    "gateway.routes[0].path": "/a",
                    "gateway.routes[1].path": "/b",
                },
            }],
        })
    );
}

#[tokio::test]
async fn a_profile_wins_and_then_a_later_directory_and_then_the_application() {
    let server = Harness::new();
    for directory in ["base", "overlay", "base/canary"] {
        for file in [
            "application",
            "member-api",
            "application-prod",
            "member-api-prod",
            "member-api-seoul",
            "store-api",
        ] {
            server.write(&format!("{directory}/{file}.yml"), "a: 1");
        }
    }
    let in_directories = |directories: &[&str]| -> Vec<String> {
        let groups = [
            &["member-api-seoul"][..],
            &["member-api-prod", "application-prod"],
            &["member-api", "application"],
        ];
        let in_group = |group: &'static [&str]| {
            directories
                .iter()
                .flat_map(move |directory| group.iter().map(move |file| format!("{directory}/{file}.yml")))
        };
        groups.into_iter().flat_map(in_group).collect()
    };

    let answer = server.get("/member-api/prod,seoul").send().await.expect(StatusCode::OK);

    assert_eq!(server.source_names(&answer), in_directories(&["overlay", "base"]));
    assert_eq!(answer.body["profiles"], json!(["prod,seoul"]));

    let labelled = server.get("/member-api/prod,seoul/canary").send().await.expect(StatusCode::OK);

    assert_eq!(server.source_names(&labelled), in_directories(&["base/canary", "overlay", "base"]));
    assert_eq!(labelled.body["label"], "canary");
}

#[tokio::test]
async fn served_settings_can_be_read_into_types() {
    #[derive(Debug, Deserialize, Validate)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    struct Database {
        #[garde(skip)]
        url: String,
        #[garde(range(min = 1))]
        max_connections: u32,
    }
    let server = Harness::new();
    server.write("base/member-api.yml", "database:\n  url: mysql://base\n  max-connections: 8\n");
    server.write("overlay/member-api.yml", "database:\n  url: mysql://overlay\n");

    let answer = server.settings().await.expect(StatusCode::OK);
    let environment: Environment = serde_json::from_value(answer.body).unwrap();
    let database: Database = Tree::from_environment(&environment).unwrap().take_section("database").unwrap();

    assert_eq!(database.url, "mysql://overlay");
    assert_eq!(database.max_connections, 8);
}

#[tokio::test]
async fn an_application_without_files_has_no_settings() {
    let answer = Harness::new().settings().await.expect(StatusCode::OK);

    assert_eq!(answer.body["propertySources"], json!([]));
}

#[tokio::test]
async fn an_edit_is_served_at_once_and_changes_the_version() {
    let server = Harness::new();
    server.write("base/member-api.yml", "a: 1");
    let first = server.settings().await;
    let again = server.settings().await;
    assert_eq!(first.body, again.body);

    server.write("base/member-api.yml", "a: 2");
    let edited = server.settings().await;
    assert_eq!(only_source(&edited), &json!({"a": 2}));
    assert_ne!(edited.body["version"], first.body["version"]);

    server.write("base/store-api.yml", "b: 1");
    assert_eq!(server.settings().await.body["version"], edited.body["version"]);

    server.write("overlay/application.yml", "");
    assert_ne!(server.settings().await.body["version"], edited.body["version"]);
}

#[tokio::test]
async fn a_broken_file_is_a_clear_error_until_it_is_corrected() {
    let server = Harness::new();
    server.write("base/member-api.yml", "database:\n  password: hunter2\n  password: hunter3\n");

    let broken = server.settings().await.expect_problem(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL");

    let detail = broken.body["detail"].as_str().unwrap();
    assert!(
        detail.contains("base/member-api.yml can't be used: it is not well-formed YAML at line 3"),
        "{detail}"
    );
    assert!(!detail.contains("hunter"), "{detail}");

    server.write("base/member-api.yml", "database:\n  password: hunter2\n");
    server.settings().await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_broken_file_of_another_application_has_no_effect() {
    let server = Harness::new();
    server.write("base/store-api.yml", "a: [");

    server.settings().await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_missing_directory_is_an_error() {
    let server = Harness::new();
    server.write("base/member-api.yml", "a: 1");
    fs::remove_dir(server.path("overlay")).unwrap();

    let answer = server.settings().await.expect_problem(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL");

    assert!(answer.body["detail"].as_str().unwrap().contains("overlay can't be read"), "{}", answer.body);
}

#[tokio::test]
async fn no_name_leads_out_of_the_directories() {
    let server = Harness::new();
    server.write("secret.yml", "stolen: 1");
    server.write("base/member-api.yml", "a: 1");
    for path in [
        "/member-api/..%2F..%2Fsecret",
        "/member-api/x%2F..%2F..%2Fsecret",
        "/member-api/default/..",
        "/member-api/default/%2e%2e",
        "/member-api/default/..%2F",
        "/member-api/default/%00",
        "/member-api/default,..%2Fsecret",
        "/..%2Fsecret/default",
        "/%2e%2e%2fsecret/default",
        "/member-api%2F..%2F..%2Fsecret/default",
        "/member-api/%2Fetc%2Fpasswd",
    ] {
        let answer = server.get(path).send().await;

        assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
        assert!(!String::from_utf8_lossy(&answer.bytes).contains("stolen"), "{path}");
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_problems() {
    let server = Harness::new();

    server.get("/member-api").send().await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    server
        .client
        .put("/member-api/default")
        .send()
        .await
        .expect_problem(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED");
}
