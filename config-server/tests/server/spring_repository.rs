//! The repository of a Spring server is served unchanged. `.ci/config-clients` compares the same with a real one.

use std::sync::Arc;

use axum::http::StatusCode;
use config_server::ConfigServer;
use config_server::access::Credentials;
use config_server::environment::Environments;
use config_server::repository::git::GitRepository;
use config_server::sealing::Keyring;
use config_server::sealing::spring::{KeyStoreSettings, RsaAlgorithm, SpringKeys, SpringSettings};
use headers::{Authorization, HeaderMapExt as _};
use serde_json::{Value, json};
use testkit::{Answer, Client};

use crate::git::settings;
use crate::moved::{KEY, RSA_OPENED, Rsa, SYMMETRIC_OPENED, repository};

/// Both of Spring's keys.
pub(crate) fn spring_keys(rsa: &Rsa) -> SpringKeys {
    let folder = tempfile::tempdir().unwrap();
    let key_store = KeyStoreSettings {
        path: rsa.write(folder.path()),
        password: rsa.password.clone().into(),
        alias: Some(rsa.alias.clone()),
        algorithm: RsaAlgorithm::Default,
        strong: false,
        salt: "deadbeef".to_owned(),
    };
    let key = Some(KEY.to_owned().into());
    let settings = SpringSettings { key, key_store: Some(key_store), ..SpringSettings::default() };
    SpringKeys::read(&settings).unwrap()
}

async fn get(client: &Client, application: &str, path: &str) -> Answer {
    let mut headers = axum::http::HeaderMap::new();
    headers.typed_insert(Authorization::basic(application, "password"));
    let request = client.get(path).header("authorization", headers["authorization"].to_str().unwrap());
    request.send().await.expect(StatusCode::OK)
}

/// The files of the sources with the numbers of their documents, and the sources.
fn sources(answer: &Answer) -> Vec<(String, Value)> {
    let sources = answer.body["propertySources"].as_array().unwrap().iter();
    let name = |source: &Value| {
        let name = source["name"].as_str().unwrap();
        let path = name.split(" [").last().unwrap().split('\'').next().unwrap();
        let number = name.split('#').nth(1).map(|number| format!(" #{}", number.trim_end_matches(')')));
        format!("{}{}", path.rsplit('/').next().unwrap(), number.unwrap_or_default())
    };
    sources.map(|source| (name(source), source["source"].clone())).collect()
}

#[tokio::test]
async fn a_spring_repository_is_served_unchanged() {
    let rsa = Rsa::example();
    let origin = repository(&rsa);
    let files = GitRepository::new(settings(&format!("file://{}", origin.path().display())));
    files.refresh(&false.into()).unwrap();
    let passwords =
        ["orders", "billing"].map(|name| (name.to_owned().try_into().unwrap(), "password".to_owned().into()));
    let environments = Environments::new(files, Keyring::default().with_spring(spring_keys(&rsa)));
    let server = ConfigServer::new(environments, Credentials::new(passwords).unwrap());
    let client = Client(problem::wrap(config_server::http::router(Arc::new(server))));

    let prod = get(&client, "orders", "/orders/prod").await;

    // As Spring's server writes it.
    let root = origin.path().display();
    let name =
        format!("file://{root}/Config resource 'file [{root}/application.yml' via location '' (document #0)");
    assert_eq!(prod.body["propertySources"][4]["name"], json!(name));
    let names: Vec<String> = sources(&prod).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "orders-prod.yaml",
            "application-prod.properties #0",
            "orders.yml",
            "application.yml #1",
            "application.yml #0",
        ]
    );
    assert_eq!(
        sources(&prod)[2].1,
        json!({
            "shop.name": "orders",
            "shop.limits[0]": 10,
            "shop.limits[1]": 20,
            "payment.token": SYMMETRIC_OPENED,
            "payment.named": SYMMETRIC_OPENED,
        })
    );
    assert_eq!(
        sources(&prod)[4].1,
        json!({
            "management.endpoints.web.exposure.include": "*",
            "logging.level.root": "info",
            "logging.level.com.example": "debug",
            "eureka.client.serviceUrl.defaultZone": "http://${EUREKA_HOST:localhost}:8761/eureka/",
            "spring.datasource.hikari.maximum-pool-size": 8,
            "spring.datasource.hikari.connection-timeout": 30_000,
            "spring.jackson.serialization.write-dates-as-timestamps": false,
            "features[0].name": "gifts",
            "features[0].since": "2024-01-31",
            "features[1].name": "coupons",
            "features[1].enabled": true,
        })
    );
    assert_eq!(prod.body["version"], json!(origin.git(&["rev-parse", "main"])));

    let merged = get(&client, "orders", "/orders-prod.json").await.body;
    assert_eq!(
        merged["spring"]["datasource"]["url"],
        json!("jdbc:mysql://db.example/orders?useSSL=true&serverTimezone=Asia/Seoul")
    );
    assert_eq!(merged["greeting"], json!("안녕"));
    assert_eq!(merged["shop"]["limits"], json!([100, 200, 300]));
    assert_eq!((&merged["timeout"], &merged["logging"]["level"]["root"]), (&json!(90), &json!("warn")));
    let dev = get(&client, "orders", "/orders-dev.json").await.body;
    assert_eq!((&dev["debug"], &dev["logging"]["level"]["com"]["example"]), (&json!(true), &json!("trace")));
    let both = get(&client, "orders", "/orders-prod,dev.json").await.body;
    assert_eq!((&both["greeting"], &both["shop"]["limits"][0]), (&json!("안녕 dev"), &json!(1)));

    let release = get(&client, "orders", "/orders/prod/release(_)1.x").await;
    assert_eq!(sources(&release)[2].1, json!({ "shop.name": "orders-1" }));
    assert_eq!(release.body["version"], json!(origin.git(&["rev-parse", "release/1.x"])));
    let banner = get(&client, "orders", "/orders/prod/release(_)1.x/banner.txt").await;
    assert_eq!(
        banner.text(),
        "orders-1 in jdbc:mysql://db.example/orders-1?useSSL=true&serverTimezone=Asia/Seoul\n"
    );

    let billing = get(&client, "billing", "/billing-prod.json").await.body;
    assert_eq!(billing["bank"], json!({ "password": RSA_OPENED, "other": RSA_OPENED }));
    assert_eq!(billing["rate"], json!(1_000.0));
}
