//! Sections of shared files that a process does not know are passed over; a typo is still refused.
#![expect(clippy::unwrap_used, reason = "a test panics where it finds the unexpected")]

use garde::Validate;
use serde::Deserialize;
use serde_json::{Value, json};
use settings::{Environment, Tree};

#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Server {
    #[garde(skip)]
    #[serde(default)]
    port: u16,
}

#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Rest {
    #[garde(skip)]
    #[serde(default)]
    checkout: Option<String>,
    #[garde(skip)]
    #[serde(default)]
    #[expect(dead_code, reason = "only its name is looked at")]
    tls: Option<String>,
}

const OWN: &str = "file:config/shop.yml";
const SHARED: &str = "file:config/application.yml";
const SHARED_DEV: &str = "file:config/application-dev.yml (document #1)";

fn read(sources: &[(&str, Value)]) -> (Vec<String>, Result<Rest, String>) {
    let sources: Vec<_> =
        sources.iter().map(|(name, source)| json!({"name": name, "source": source})).collect();
    let environment: Environment =
        serde_json::from_value(json!({"name": "shop", "profiles": ["dev"], "propertySources": sources}))
            .unwrap();
    let mut tree = Tree::from_environment(&environment).unwrap();
    let passed_over = tree.pass_over_foreign::<Rest>(&["server"]);
    let server: Result<Server, _> = tree.take_section("server");
    let rest = server.and_then(|server| {
        assert!(server.port <= 9);
        tree.finish()
    });
    (passed_over, rest.map_err(|error| error.to_string()))
}

#[test]
fn sections_for_others_are_passed_over_and_what_is_known_is_read() {
    let (passed_over, rest) = read(&[
        (OWN, json!({"server.port": 9})),
        (SHARED_DEV, json!({"spring.datasource.url": "jdbc:x", "checkout": "slow"})),
        (SHARED, json!({"logging.level": "info", "logging.file[0]": "x", "checkout": "fast"})),
    ]);
    assert_eq!(passed_over, ["logging", "spring"]);
    assert_eq!(rest.unwrap().checkout.as_deref(), Some("slow"));
}

#[test]
fn the_file_of_an_application_is_read_strictly() {
    let (_, rest) = read(&[(OWN, json!({"logging.level": "info"}))]);
    assert!(rest.unwrap_err().starts_with("logging: is not a known setting"));
    // A section that is in both is not only for others.
    let (_, rest) = read(&[(OWN, json!({"logging.a": 1})), (SHARED, json!({"logging.b": 2}))]);
    assert!(rest.unwrap_err().starts_with("logging: is not a known setting"));
}

#[test]
fn a_typo_in_a_shared_file_is_refused_with_its_key_and_its_file() {
    for typo in ["chekout", "checkuot", "check-out", "sever", "tl", "Server"] {
        let (passed_over, rest) = read(&[(SHARED, json!({"logging": "x", typo: "x"}))]);
        let refusal = rest.unwrap_err();
        assert!(refusal.starts_with(&format!("{typo}: is not a known setting")), "{refusal}");
        assert!(refusal.contains("application.yml"), "{refusal}");
        assert!(!passed_over.contains(&typo.to_owned()));
    }
    // So is an unknown key in a section that is known.
    let (_, rest) = read(&[(SHARED, json!({"server.prot": 9}))]);
    assert!(rest.unwrap_err().starts_with("server.prot: is not a known setting"));
}
