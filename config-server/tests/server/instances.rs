//! A change reaches the processes that wait for it, and the operator sees which process runs what.

use axum::http::StatusCode;
use serde_json::json;
use settings::report::Refused;
use settings::{ConfigClient, Fault, Report};
use tokio::net::TcpListener;

use crate::harness::{Harness, MEMBER_API, OPERATOR};

fn report(instance: &str, applied: &str) -> Report {
    Report { instance: instance.to_owned(), applied: Some(applied.to_owned()), ..Report::default() }
}

async fn instances(server: &Harness) -> serde_json::Value {
    let answer = server.client.get("/instances").header("authorization", OPERATOR).send().await;
    answer.expect(StatusCode::OK).body["instances"].clone()
}

#[tokio::test]
async fn a_file_that_changes_reaches_a_process_that_follows() {
    let server = Harness::new();
    server.write("base/member-api.yml", "a: 1");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = server.client.0.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let client =
        ConfigClient::new(address.parse().unwrap(), "member-api", "default", "first".into()).unwrap();
    let (tree, mut follower) = client.fetch_and_follow().await.unwrap();
    let first = tree.version().unwrap().to_owned();

    let told = report("member-api-1", &first);
    let following = tokio::spawn(async move { follower.next(&told).await });
    // It waits at the server, which notices its files at the next request.
    while instances(&server).await[0]["applied"] != json!(first) {
        tokio::task::yield_now().await;
    }
    server.write("base/member-api.yml", "a: 2");
    server.settings().await.expect(StatusCode::OK);

    let version = following.await.unwrap();
    let values = version.tree.unwrap().values();
    assert_ne!(version.name.unwrap(), first);
    assert_eq!(values.changed_keys(&tree.values()).len(), 1);
}

#[tokio::test]
async fn the_operator_sees_who_runs_what_and_who_has_refused_it() {
    let server = Harness::new();
    server.write("base/member-api.yml", "a: 1");
    let fault = Fault {
        key: "server.address".to_owned(),
        problem: "must be an address".to_owned(),
        origin: Some("member-api.yml".to_owned()),
    };
    let refused = Report {
        refused: Some(Refused { version: Some("2".to_owned()), faults: vec![fault] }),
        restart_pending: vec!["server.max-connections".to_owned()],
        ..report("member-api-2", "1")
    };
    for report in [report("member-api-1", "3"), refused] {
        let told = server.get("/member-api/default").header("dalkom-settings", &report.to_header());
        told.send().await.expect(StatusCode::OK);
    }

    assert_eq!(
        instances(&server).await,
        json!([
            {
                "application": "member-api", "instance": "member-api-1", "applied": "3", "refused": null,
                "restartPending": [], "seenSecondsAgo": 0,
            },
            {
                "application": "member-api", "instance": "member-api-2", "applied": "1",
                "refused": {
                    "version": "2",
                    "faults": [{
                        "key": "server.address", "problem": "must be an address", "origin": "member-api.yml",
                    }],
                },
                "restartPending": ["server.max-connections"], "seenSecondsAgo": 0,
            },
        ])
    );
}

#[tokio::test]
async fn only_the_operator_sees_the_instances_and_nobody_reports_for_another_application() {
    let server = Harness::new();
    let told = server.get("/store-api/default").header("dalkom-settings", &report("x", "1").to_header());
    told.send().await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");

    assert_eq!(
        instances(&server).await[0]["application"],
        "member-api",
        "it is the one who has authenticated"
    );
    let foreign = server.client.get("/instances").header("authorization", MEMBER_API).send().await;
    foreign.expect_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
    let nobody = server.client.get("/instances").send().await;
    nobody.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
}
