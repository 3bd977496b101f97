//! A repository of settings as teams with a Spring server have it: several profiles, a branch, and values sealed in both of
//! Spring's ways.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::git_origin::Origin;

/// Spring's `encrypt.key`.
pub(crate) const KEY: &str = "foo";
/// The example of Spring's documentation, sealed with that key.
pub(crate) const SYMMETRIC: &str = "682bc583f4641835fa2db009355293665d2647dade3375c0ee201de2a49f7bda";
/// The value of it.
pub(crate) const SYMMETRIC_OPENED: &str = "mysecret";
pub(crate) const RSA_OPENED: &str = "rsa-s3cret";

/// The key store, and what it opens.
pub(crate) struct Rsa {
    pub(crate) password: String,
    pub(crate) alias: String,
    key_store: Vec<u8>,
    /// Without `{cipher}`.
    pub(crate) sealed: String,
}

impl Rsa {
    /// The example of the recorded cases.
    pub(crate) fn example() -> Self {
        let cases: Value = serde_json::from_str(include_str!("../protocol/cases.json")).unwrap();
        let is_example = |case: &&Value| case["name"] == "a-value-of-springs-rsa-key-is-opened";
        let case = cases.as_array().unwrap().iter().find(is_example).unwrap();
        let key_store = &case["server"]["key_store"];
        let text = |name: &str| key_store[name].as_str().unwrap().to_owned();
        let sealed = case["files"]["foo.yml"].as_str().unwrap().split('\'').nth(1).unwrap();
        Self {
            password: text("password"),
            alias: text("alias"),
            key_store: STANDARD.decode(text("base64")).unwrap(),
            sealed: sealed.replace("{cipher}{key:k1}", ""),
        }
    }

    /// Writes the key store into a file.
    pub(crate) fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join("server.p12");
        fs::write(&path, &self.key_store).unwrap();
        path
    }
}

const SHARED: &str = r#"management:
  endpoints.web.exposure.include: "*"
logging:
  level:
    root: info
    com.example: debug
eureka.client.serviceUrl.defaultZone: http://${EUREKA_HOST:localhost}:8761/eureka/
spring:
  datasource:
    hikari: {maximum-pool-size: 010, connection-timeout: 30_000}
  jackson.serialization.write-dates-as-timestamps: no
features:
  - name: gifts
    since: 2024-01-31
  - name: coupons
    enabled: on
---
spring.config.activate.on-profile: prod
logging.level.root: warn
---
spring.config.activate.on-profile: "!prod & dev"
debug: yes
"#;

const SHARED_PROD: &str = "# of all in production\n\
    spring.datasource.username=shop\n\
    spring.datasource.url = jdbc:mysql://db.example/${shop.name}?useSSL=true\\\n    &serverTimezone=Asia/Seoul\n\
    greeting=\\uc548\\ub155\n\
    #---\n\
    spring.config.activate.on-profile=dev\n\
    greeting=\\uc548\\ub155 dev\n";

/// The repository, with the branches `main` and `release/1.x`.
pub(crate) fn repository(rsa: &Rsa) -> Origin {
    let origin = Origin::new();
    let orders = format!(
        "shop:\n  name: orders\n  limits: [10, 20]\npayment:\n  token: '{{cipher}}{SYMMETRIC}'\n  named: '{{cipher}}{{key:any}}{SYMMETRIC}'\n"
    );
    let billing = format!(
        "shop.name: billing\nbank: {{password: '{{cipher}}{{key:{}}}{}', other: '{{cipher}}{1}'}}\n",
        rsa.alias, rsa.sealed
    );
    origin.commit(&[
        ("application.yml", SHARED),
        ("application-prod.properties", SHARED_PROD),
        ("orders.yml", &orders),
        ("orders-dev.yml", "shop: {limits: [1]}\nlogging.level.com.example: trace\n"),
        ("orders-prod.yaml", "shop.limits: [100, 200, 300]\ntimeout: 1:30\n"),
        ("billing.yml", &billing),
        ("billing-prod.yml", "rate: 1e3\n"),
        ("banner.txt", "${shop.name} in ${spring.datasource.url:nowhere}\n"),
        ("README.md", "Settings of the shop.\n"),
    ]);
    origin.git(&["checkout", "--quiet", "-b", "release/1.x"]);
    origin.commit(&[("orders.yml", "shop: {name: orders-1}\n")]);
    origin
}
