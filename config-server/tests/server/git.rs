//! A git repository: labels are branches, tags and commits, and what is broken is not served.

use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::http::{Method, StatusCode};
use config_server::ConfigServer;
use config_server::access::Credentials;
use config_server::environment::Environments;
use config_server::repository::git::{GitRepository, GitSettings};
use config_server::sealing::Keyring;
use serde_json::json;
use testkit::{Answer, Client};

use crate::git_origin::Origin;
use crate::harness::{MEMBER_API, only_source};

/// A server on a repository.
pub(crate) struct GitServer {
    pub(crate) repository: GitRepository,
    client: Client,
}

impl GitServer {
    pub(crate) fn new(settings: GitSettings) -> Self {
        let repository = GitRepository::new(settings);
        let passwords =
            [("member-api", "first"), ("store-api", "second"), ("operator", "sixth"), ("monitor", "hook")];
        let passwords = passwords
            .map(|(name, password)| (name.to_owned().try_into().unwrap(), password.to_owned().into()));
        let environments = Environments::new(repository.clone(), Keyring::default());
        let server = ConfigServer::new(environments, Credentials::new(passwords).unwrap());
        let client = Client(problem::wrap(config_server::http::router(Arc::new(server))));
        Self { repository, client }
    }

    /// What is in the repository now, and why it is not served.
    pub(crate) fn refresh(&self) -> Option<String> {
        self.repository.refresh(&AtomicBool::new(false)).err().map(|error| error.to_string())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.client.get(path).header("authorization", MEMBER_API).send().await
    }

    pub(crate) async fn post_monitor(&self, authorization: &str) -> Answer {
        self.client.request(Method::POST, "/monitor").header("authorization", authorization).send().await
    }

    /// The value of `a` under a label.
    pub(crate) async fn value(&self, label: &str) -> serde_json::Value {
        let answer = self.get(&format!("/member-api/default/{label}")).await.expect(StatusCode::OK);
        only_source(&answer)["a"].clone()
    }
}

pub(crate) fn settings(uri: &str) -> GitSettings {
    GitSettings {
        uri: uri.to_owned(),
        mirror: None,
        default_label: None,
        search_paths: Vec::new(),
        fetch_interval_s: 3_600,
        username: None,
        password: None,
    }
}

fn local(origin: &Origin) -> GitServer {
    GitServer::new(settings(&format!("file://{}", origin.path().display())))
}

#[tokio::test]
async fn labels_are_branches_tags_and_commits() {
    let origin = Origin::new();
    let first = origin.commit(&[("member-api.yml", "a: 1")]);
    origin.git(&["tag", "plain"]);
    origin.git(&["tag", "--annotate", "v1", "--message", "first"]);
    let second = origin.commit(&[("member-api.yml", "a: 2")]);
    origin.git(&["checkout", "--quiet", "-b", "feature/x"]);
    origin.commit(&[("member-api.yml", "a: 3")]);
    let server = local(&origin);
    assert_eq!(server.refresh(), None);

    for (label, value) in [
        ("main", 2),
        ("feature(_)x", 3),
        ("plain", 1),
        ("v1", 1),
        (first.as_str(), 1),
        (&first[..10], 1),
        (&second.to_uppercase(), 2),
        ("none,v1,main", 1),
    ] {
        assert_eq!(server.value(label).await, json!(value), "{label}");
    }
    for unknown in ["none", "HEAD", "HEAD~1", "main^", "refs(_)heads(_)main", &"0".repeat(40), "abcdef", "@"]
    {
        let answer = server.get(&format!("/member-api/default/{unknown}")).await;
        answer.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
    let answer = server.get("/member-api/default").await.expect(StatusCode::OK);
    assert_eq!((&answer.body["version"], &answer.body["state"]), (&json!(second), &json!("")));
    assert_eq!(answer.body["label"], json!(null));
    let name = format!("file://{}/member-api.yml", origin.path().display());
    assert_eq!(answer.body["propertySources"][0]["name"], json!(name));
}

#[tokio::test]
async fn only_what_is_committed_is_served_and_no_link_is_followed() {
    let origin = Origin::new();
    symlink("/etc/hostname", origin.path().join("host.txt")).unwrap();
    symlink("/etc/passwd", origin.path().join("other.properties")).unwrap();
    origin.commit(&[("member-api.yml", "a: 1"), (".hidden/member-api.yml", "a: 9"), ("plain.txt", "text")]);
    origin.write("member-api.yml", "a: 2");
    let server = local(&origin);

    assert!(server.refresh().unwrap().contains("other.properties"), "a settings file that is a link");
    let plain = server.get("/member-api/default/main/plain.txt").await.expect(StatusCode::OK);
    assert_eq!(plain.bytes, b"text");
    for path in ["host.txt", ".hidden/member-api.yml", ".git/config"] {
        let answer = server.get(&format!("/member-api/default/main/{path}")).await;
        assert!(!answer.status.is_success(), "{path}: {}", answer.status);
    }
    origin.git(&["rm", "--quiet", "other.properties"]);
    origin.git(&["checkout", "--quiet", "member-api.yml"]);
    origin.commit(&[]);
    assert_eq!(server.refresh(), None);
    assert_eq!(server.value("main").await, json!(1));
}

#[tokio::test]
async fn a_broken_commit_leaves_the_last_good_files_and_says_why() {
    let origin = Origin::new();
    let good = origin.commit(&[("member-api.yml", "a: 1"), ("store-api.yml", "b: 1")]);
    origin.git(&["branch", "other"]);
    let server = local(&origin);
    assert_eq!(server.refresh(), None);

    origin.commit(&[("member-api.yml", "a: 2"), ("store-api.yml", "b: [broken")]);
    origin.git(&["checkout", "--quiet", "other"]);
    origin.commit(&[("member-api.yml", "a: 3")]);
    let fault = server.refresh().unwrap();

    assert!(fault.contains("main") && fault.contains("store-api.yml"), "{fault}");
    assert!(server.repository.check().is_ok() && server.repository.check_latest().is_err());
    let answer = server.get("/member-api/default").await.expect(StatusCode::OK);
    assert_eq!(answer.body["version"], json!(good));
    assert_eq!((server.value("main").await, server.value("other").await), (json!(1), json!(3)));

    origin.git(&["checkout", "--quiet", "main"]);
    origin.commit(&[("store-api.yml", "b: 2")]);
    assert_eq!(server.refresh(), None);
    assert_eq!(server.value("main").await, json!(2));
}

#[tokio::test]
async fn what_was_removed_by_force_is_gone() {
    let origin = Origin::new();
    let first = origin.commit(&[("member-api.yml", "a: 1")]);
    let secret = origin.commit(&[("member-api.yml", "a: leaked")]);
    origin.git(&["branch", "old"]);
    let server = local(&origin);
    assert_eq!(server.refresh(), None);
    assert_eq!(server.value(&secret).await, json!("leaked"));

    origin.git(&["reset", "--quiet", "--hard", &first]);
    origin.git(&["branch", "--quiet", "-D", "old"]);
    assert_eq!(server.refresh(), None);

    assert_eq!(server.value("main").await, json!(1));
    for gone in ["old", &secret] {
        let answer = server.get(&format!("/member-api/default/{gone}")).await;
        answer.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
}

#[tokio::test]
async fn search_paths_win_over_the_root_and_files_still_belong_to_applications() {
    let origin = Origin::new();
    origin.commit(&[
        ("member-api.yml", "a: 1"),
        ("member-api/application.yml", "a: 2"),
        ("store-api/application.yml", "a: foreign"),
        ("shared/member-api.yml", "a: 3"),
    ]);
    let search_paths = vec!["{application}".to_owned(), "shared/".to_owned()];
    let uri = format!("file://{}", origin.path().display());
    let server = GitServer::new(GitSettings { search_paths, ..settings(&uri) });
    assert_eq!(server.refresh(), None);

    let answer = server.get("/member-api/default").await.expect(StatusCode::OK);

    let sources = answer.body["propertySources"].as_array().unwrap();
    let values: Vec<_> = sources.iter().map(|source| source["source"]["a"].clone()).collect();
    assert_eq!(values, [json!(3), json!(2), json!(1)]);
    let foreign = server.get("/member-api/default/main/store-api/application.yml").await;
    assert!(!foreign.status.is_success());
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_named_and_read_when_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("later");
    let server = GitServer::new(settings(&format!("file://{}", path.display())));
    assert!(server.refresh().unwrap().contains("can't be opened"));
    assert!(server.repository.check().is_err());
    server.get("/member-api/default").await.expect_problem(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL");

    let origin = Origin::new();
    origin.commit(&[("member-api.yml", "a: 1")]);
    std::fs::rename(origin.path().join(".git"), &path).unwrap();

    assert_eq!(server.refresh(), None);
    assert_eq!(server.value("main").await, json!(1));
}
