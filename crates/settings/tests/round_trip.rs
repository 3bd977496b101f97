//! A document that is flattened can be rebuilt without loss.

use garde::Validate;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value};
use settings::flat::flatten;
use settings::{Environment, PropertySource, Tree};

/// Any document.
#[derive(Debug, Deserialize, Validate)]
#[serde(transparent)]
struct Anything(#[garde(skip)] Value);

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        // An empty text is the null of a flat document; how it is read depends on the type.
        "\\PC{1,20}".prop_map(Value::from),
    ]
}

fn key() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9-]{0,11}|\\[[a-z][a-z./ -]{0,8}\\]"
}

/// Documents without `null`, empty lists and empty maps, which are the same in the flat form.
fn document() -> impl Strategy<Value = Value> {
    let node = scalar().prop_recursive(4, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..12).prop_map(Value::from),
            prop::collection::btree_map(key(), inner, 1..6).prop_map(object),
        ]
    });
    prop::collection::btree_map(key(), node, 0..6).prop_map(object)
}

fn object(entries: std::collections::BTreeMap<String, Value>) -> Value {
    Value::Object(Map::from_iter(entries))
}

/// The keys without the brackets around them, which are not part of the key.
fn without_brackets(document: Value) -> Value {
    match document {
        Value::Object(entries) => entries
            .into_iter()
            .map(|(key, value)| {
                (key.trim_start_matches('[').trim_end_matches(']').to_owned(), without_brackets(value))
            })
            .collect(),
        Value::Array(items) => items.into_iter().map(without_brackets).collect(),
        scalar => scalar,
    }
}

/// `[a]` and `a` are the same key, which another test has as a fault.
fn spells_a_key_twice(document: &Value) -> bool {
    match document {
        Value::Object(entries) => entries
            .iter()
            .any(|(key, value)| entries.contains_key(&format!("[{key}]")) || spells_a_key_twice(value)),
        Value::Array(items) => items.iter().any(spells_a_key_twice),
        _ => false,
    }
}

proptest! {
    #[test]
    fn flattening_loses_nothing(document in document()) {
        prop_assume!(!spells_a_key_twice(&document));
        let environment = Environment {
            name: "shop".to_owned(),
            profiles: vec!["default".to_owned()],
            label: None,
            version: None,
            state: None,
            property_sources: vec![PropertySource {
                name: "shop.yml".to_owned(),
                source: flatten(&document).unwrap(),
            }],
        };

        let Anything(read) = Tree::from_environment(&environment).unwrap().finish().unwrap();

        prop_assert_eq!(read, without_brackets(document));
    }

    #[test]
    fn no_flat_key_makes_it_panic(keys in prop::collection::vec("[a-c.\\[\\]0-2]{0,8}", 0..8)) {
        let environment = Environment {
            name: "shop".to_owned(),
            profiles: vec![],
            label: None,
            version: None,
            state: None,
            property_sources: vec![PropertySource {
                name: "shop.yml".to_owned(),
                source: keys.into_iter().map(|key| (key, Value::from(1))).collect(),
            }],
        };

        if let Ok(tree) = Tree::from_environment(&environment) {
            let Anything(read) = tree.finish().unwrap();
            prop_assert_eq!(read.as_object().unwrap().is_empty(), environment.property_sources[0].source.is_empty());
        }
    }
}
