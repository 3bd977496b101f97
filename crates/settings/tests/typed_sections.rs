//! Sources are merged as in Spring, and every error names the key and the file.
#![expect(clippy::unwrap_used, reason = "a test panics where it finds the unexpected")]

use std::collections::BTreeMap;

use garde::Validate;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use settings::{Environment, PropertySource, SettingsError, Tree};

#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Database {
    #[garde(length(min = 1))]
    url: String,
    #[garde(skip)]
    password: SecretString,
    #[serde(default = "eight")]
    #[garde(range(min = 1, max = 100))]
    max_connections: u16,
    #[serde(default)]
    #[garde(skip)]
    log_statements: bool,
    #[garde(skip)]
    schema: Option<String>,
}

fn eight() -> u16 {
    8
}

#[derive(Debug, PartialEq, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Gateway {
    #[garde(dive)]
    routes: Vec<Route>,
    #[serde(default)]
    #[garde(skip)]
    weights: BTreeMap<u8, f64>,
}

#[derive(Debug, PartialEq, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Route {
    #[garde(prefix("/"))]
    path_prefix: String,
    #[serde(default)]
    #[garde(skip)]
    access: Access,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Access {
    Public,
    #[default]
    AnyMember,
    Only {
        role: String,
    },
}

/// An environment of these sources, in order of precedence.
fn environment(sources: &[(&str, Value)]) -> Environment {
    Environment {
        name: "shop".to_owned(),
        profiles: vec!["default".to_owned()],
        label: None,
        version: None,
        state: None,
        property_sources: sources
            .iter()
            .map(|(name, source)| PropertySource {
                name: (*name).to_owned(),
                source: serde_json::from_value(source.clone()).unwrap(),
            })
            .collect(),
    }
}

fn tree(sources: &[(&str, Value)]) -> Tree {
    Tree::from_environment(&environment(sources)).unwrap()
}

fn database(source: Value) -> Result<Database, SettingsError> {
    tree(&[("shop.yml", source)]).take_section("database")
}

fn gateway(source: Value) -> Result<Gateway, SettingsError> {
    tree(&[("shop.yml", source)]).take_section("gateway")
}

fn refusal_of<T: std::fmt::Debug>(result: Result<T, SettingsError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn numbers_and_booleans_may_be_texts_and_a_text_may_be_a_number() {
    let read = database(json!({
        "database.url": "mysql://db",
        "database.password": 1234,
        "database.max-connections": "16",
        "database.log-statements": "true",
    }))
    .unwrap();

    assert_eq!(read.password.expose_secret(), "1234");
    assert_eq!(read.max_connections, 16);
    assert!(read.log_statements);
    assert_eq!(read.schema, None);
}

#[test]
fn an_empty_text_is_read_as_null() {
    let read =
        database(json!({"database.url": "x", "database.password": "", "database.schema": ""})).unwrap();

    assert_eq!(read.schema, None);
    assert_eq!(gateway(json!({"gateway.routes": ""})).unwrap().routes, []);
}

#[test]
fn lists_maps_and_enums_are_rebuilt() {
    let mut source = json!({
        "gateway.routes[0].path-prefix": "/zero",
        "gateway.routes[0].access": "public",
        "gateway.routes[1].access.only.role": "SELLER",
        "gateway.routes[1].path-prefix": "/one",
        "gateway.weights.1": 0.5,
        "gateway.weights.2": "3",
    });
    for index in 2..=11 {
        source[format!("gateway.routes[{index}].path-prefix")] = json!(format!("/{index}"));
    }

    let read = gateway(source).unwrap();

    assert_eq!(read.routes.len(), 12);
    assert_eq!(read.routes[0], Route { path_prefix: "/zero".to_owned(), access: Access::Public });
    assert_eq!(read.routes[1].access, Access::Only { role: "SELLER".to_owned() });
    assert_eq!(read.routes[11], Route { path_prefix: "/11".to_owned(), access: Access::AnyMember });
    assert_eq!(read.weights, BTreeMap::from([(1, 0.5), (2, 3.0)]));
}

#[test]
fn the_first_source_has_precedence_for_each_key_and_for_a_whole_list() {
    let mut tree = tree(&[
        ("overlay.yml", json!({"database.password": "new", "gateway.routes[0].path-prefix": "/only"})),
        (
            "base.yml",
            json!({
                "database.url": "mysql://db",
                "database.password": "old",
                "gateway.routes[0].path-prefix": "/zero",
                "gateway.routes[0].access": "public",
                "gateway.routes[1].path-prefix": "/one",
            }),
        ),
    ]);

    let database: Database = tree.take_section("database").unwrap();
    let gateway: Gateway = tree.take_section("gateway").unwrap();

    assert_eq!(database.password.expose_secret(), "new");
    assert_eq!(database.url, "mysql://db");
    assert_eq!(gateway.routes, [Route { path_prefix: "/only".to_owned(), access: Access::AnyMember }]);
}

#[test]
fn a_section_whose_keys_are_all_commented_out_hides_nothing() {
    let mut tree = tree(&[
        ("overlay.yml", json!({"database": ""})),
        ("base.yml", json!({"database.url": "mysql://db", "database.password": "p"})),
    ]);

    assert_eq!(tree.take_section::<Database>("database").unwrap().url, "mysql://db");
}

#[test]
fn a_missing_key_is_named() {
    assert_eq!(refusal_of(database(json!({"database.url": "x"}))), "database.password: is missing");
    assert_eq!(refusal_of(database(json!({}))), "database.url: is missing");
    assert_eq!(
        refusal_of(gateway(json!({"gateway.routes[0].access": "public"}))),
        "gateway.routes[0].path-prefix: is missing"
    );
}

#[test]
fn an_unknown_key_is_named_with_its_file() {
    let misspelt = json!({"database.url": "x", "database.password": "p", "database.max-conections": 3});

    assert_eq!(
        refusal_of(database(misspelt)),
        "database.max-conections: is not a known setting; expected one of \
         `url`, `password`, `max-connections`, `log-statements`, `schema` (from shop.yml)"
    );
}

#[test]
fn keys_that_no_section_has_taken_are_refused_at_the_end() {
    #[derive(Debug, Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    let mut tree =
        tree(&[("shop.yml", json!({"database.url": "x", "database.password": "p", "datbase.url": "y"}))]);
    tree.take_section::<Database>("database").unwrap();

    assert_eq!(
        refusal_of(tree.finish::<Nothing>()),
        "datbase: is not a known setting; none is expected here (from shop.yml)"
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_named_and_never_shown() {
    for (wrong, key, expected) in [
        (json!({"database.max-connections": "hunter2"}), "max-connections", "a whole number from 0 to 65535"),
        (json!({"database.max-connections": 65536}), "max-connections", "a whole number from 0 to 65535"),
        (json!({"database.max-connections": -1}), "max-connections", "a whole number from 0 to 65535"),
        (json!({"database.max-connections[0]": 1}), "max-connections", "a whole number from 0 to 65535"),
        (json!({"database.log-statements": "hunter2"}), "log-statements", "`true` or `false`"),
        (json!({"database.password[0]": "hunter2"}), "password", "a text"),
    ] {
        let mut source = json!({"database.url": "x"});
        source.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());

        let refusal = refusal_of(database(source));

        assert_eq!(refusal, format!("database.{key}: must be {expected} (from shop.yml)"));
    }
    assert_eq!(
        refusal_of(database(json!({"database": "hunter2"}))),
        "database: must be a section with keys of its own (from shop.yml)"
    );
    assert_eq!(
        refusal_of(gateway(
            json!({"gateway.routes[0].path-prefix": "/", "gateway.routes[0].access": "hunter2"})
        )),
        "gateway.routes[0].access: must be one of `public`, `any-member`, `only` (from shop.yml)"
    );
}

#[test]
fn every_broken_rule_is_named_at_once() {
    let mut tree = tree(&[
        ("overlay.yml", json!({"database.max-connections": 0})),
        ("base.yml", json!({"database.url": "", "database.password": "p"})),
    ]);

    let refused = tree.take_section::<Database>("database").unwrap_err();

    assert_eq!(
        refused.to_string(),
        "database.max-connections: lower than 1 (from overlay.yml)\n\
         database.url: length is lower than 1 (from base.yml)"
    );
    assert_eq!(
        refusal_of(gateway(
            json!({"gateway.routes[0].path-prefix": "/", "gateway.routes[1].path-prefix": "x"})
        )),
        "gateway.routes[1].path-prefix: value does not begin with \"/\" (from shop.yml)"
    );
}

#[test]
fn a_sealed_value_that_was_not_opened_is_named() {
    let unopened = json!({"database.url": "x", "invalid.database.password": "<n/a>"});

    assert_eq!(
        refusal_of(database(unopened)),
        "database.password: is sealed, and the config server could not open it (from shop.yml)"
    );
}

#[test]
fn a_sealed_value_that_was_not_opened_does_not_matter_behind_another_source() {
    let mut tree = tree(&[
        ("overlay.yml", json!({"database.password": "p"})),
        ("base.yml", json!({"database.url": "x", "invalid.database.password": "<n/a>"})),
    ]);

    assert_eq!(tree.take_section::<Database>("database").unwrap().password.expose_secret(), "p");
}

#[test]
fn sources_that_are_no_document_are_refused_with_all_their_keys() {
    let refused = Tree::from_environment(&environment(&[(
        "shop.yml",
        json!({"a..b": 1, "list[1]": 1, "x": 1, "x.y": 2, "deep": {"er": 1}}),
    )]))
    .unwrap_err();

    assert_eq!(
        refused.to_string(),
        "a..b: is not a well-formed key: a part of it is empty (from shop.yml)\n\
         deep: must be a text, a number or a boolean (from shop.yml)\n\
         x.y: is set beside another key that leaves no room for it (from shop.yml)\n\
         list[0]: is missing, though later entries of the list are there (from shop.yml)"
    );
}

#[test]
fn a_tree_prints_no_values() {
    let tree = tree(&[("shop.yml", json!({"database.password": "hunter2"}))]);

    assert_eq!(format!("{tree:?}"), r#"Tree { version: None, sections: ["database"] }"#);
}
