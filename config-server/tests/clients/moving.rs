//! A repository of settings is moved from Spring's server to ours: both answer the same, to the last key.

use axum::http::StatusCode;
use serde_json::Value;
use testkit::Answer;

use crate::moved::{KEY, RSA_OPENED, Rsa, SYMMETRIC_OPENED, repository};
use crate::program::{PATIENCE, Program, free_port};
use crate::world::{PASSWORD, World, basic, serve, spring_server};

async fn get(server: &Program, application: &str, path: &str) -> Answer {
    let request = server.client().get(path).header("authorization", &basic(application, PASSWORD));
    request.send().await.expect(StatusCode::OK)
}

/// A YAML rendering may be written in another way, and means the same.
fn meaning(path: &str, answer: &Answer) -> Value {
    match path.rsplit('.').next().unwrap() {
        "yml" => serde_saphyr::from_slice(&answer.bytes).unwrap(),
        _ if answer.body.is_null() => Value::from(answer.text()),
        _ => answer.body.clone(),
    }
}

#[tokio::test]
#[ignore = "needs Java; run by .ci/config-clients"]
async fn a_repository_of_springs_server_is_answered_in_the_same_way() {
    let world = World::start().await;
    let rsa = Rsa::example();
    let origin = repository(&rsa);
    let key_store = rsa.write(world.folder());
    let (path, password, alias) = (key_store.display(), &rsa.password, &rsa.alias);
    let uri = format!("file://{}", origin.path().display());
    // Spring's server has one of the keys: two servers stand for a team's two repositories.
    let git = [
        format!("--spring.cloud.config.server.git.uri={uri}"),
        "--spring.cloud.config.server.git.default-label=main".to_owned(),
    ];
    let with_password = [&git[..], &[format!("--encrypt.key={KEY}")]].concat();
    let with_key_store = [
        &git[..],
        &[
            format!("--encrypt.key-store.location=file:{path}"),
            format!("--encrypt.key-store.password={password}"),
            format!("--encrypt.key-store.alias={alias}"),
            "--encrypt.key-store.type=PKCS12".to_owned(),
        ],
    ]
    .concat();
    let both = format!(
        "spring: {{key: {KEY}, key-store: {{path: '{path}', password: {password}, alias: {alias}}}}}\ngit: {{uri: '{uri}'}}\n"
    );
    let ours = serve(world.folder(), free_port(), &both).await;
    testkit::until("the repository is read", PATIENCE, async || {
        let answer = ours.client().get("/orders/default").header("authorization", &basic("orders", PASSWORD));
        answer.send().await.status == StatusCode::OK
    })
    .await;

    let mut opened = String::new();
    for (application, settings) in [("orders", with_password), ("billing", with_key_store)] {
        let springs = spring_server(world.folder(), &settings).await;
        for rest in [
            "/default",
            "/prod",
            "/prod,dev",
            "/dev",
            "/prod/main",
            "/prod/release(_)1.x",
            "/prod/main/banner.txt",
            "/prod/release(_)1.x/banner.txt",
        ] {
            let path = format!("/{application}{rest}");
            let (theirs, ours) =
                (get(&springs, application, &path).await, get(&ours, application, &path).await);
            assert_eq!(meaning(&path, &theirs), meaning(&path, &ours), "{path}");
            opened.push_str(&ours.body.to_string());
        }
        for rest in ["default.yml", "prod.yml", "prod.json", "prod,dev.properties"] {
            let path = format!("/{application}-{rest}");
            let (theirs, ours) =
                (get(&springs, application, &path).await, get(&ours, application, &path).await);
            assert_eq!(meaning(&path, &theirs), meaning(&path, &ours), "{path}");
        }
    }
    for value in [SYMMETRIC_OPENED, RSA_OPENED] {
        assert!(opened.contains(value), "{value}");
    }
}
