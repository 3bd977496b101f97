//! The answer of a config server: the settings of one application with one set of profiles.
//!
//! Fields and meaning are those of Spring Cloud Config's `Environment`, so that its clients can read from our server, and our
//! client from its server.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub use crate::document::DocumentError;

/// Spring's text in place of a sealed value that the server could not open.
pub const UNOPENED: &str = "<n/a>";

/// Spring's prefix of the key of a value that the server could not open.
pub const UNOPENED_PREFIX: &str = "invalid.";

/// Every property source that applies to an application, in order of precedence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// The application that asked.
    pub name: String,
    /// The profiles that it asked for; the last one has precedence over those before it.
    pub profiles: Vec<String>,
    /// The label that it asked for, if there is one.
    #[serde(default)]
    pub label: Option<String>,
    /// Changes whenever one of the sources does.
    #[serde(default)]
    pub version: Option<String>,
    /// It is there for Spring's clients, and always empty.
    #[serde(default)]
    pub state: Option<String>,
    /// The sources, in order of precedence: a key in the first source hides the same key in the others.
    pub property_sources: Vec<PropertySource>,
}

impl Environment {
    /// The profiles of a list, but `default`, after which no source is named: `shop-dev.yml` is named after `dev`.
    pub(crate) fn profiles_without_files<'profiles>(&self, profiles: &'profiles str) -> Vec<&'profiles str> {
        let is_named = |profile: &str| {
            let ending = format!("-{profile}.");
            self.property_sources.iter().any(|source| source.name.contains(&ending))
        };
        let profiles = profiles.split(',').map(str::trim);
        profiles.filter(|profile| !matches!(*profile, "" | "default") && !is_named(profile)).collect()
    }
}

/// One file of settings, flattened.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PropertySource {
    /// Where the settings were read, for operators: `file:config/application.yml`.
    pub name: String,
    /// From dotted keys to texts, numbers and booleans.
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    pub source: BTreeMap<String, Value>,
}

/// Shows the keys and not the values, because these may be secrets.
impl fmt::Debug for PropertySource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PropertySource")
            .field("name", &self.name)
            .field("keys", &self.source.keys().collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn has_the_field_names_of_spring_cloud_config() {
        let environment = Environment {
            name: "member-api".to_owned(),
            profiles: vec!["default".to_owned()],
            label: None,
            version: Some("1f".to_owned()),
            state: None,
            property_sources: vec![PropertySource {
                name: "file:config/member-api.yml".to_owned(),
                source: BTreeMap::from([("database.max-connections".to_owned(), json!(8))]),
            }],
        };

        assert_eq!(
            serde_json::to_value(environment).unwrap(),
            json!({
                "name": "member-api",
                "profiles": ["default"],
                "label": null,
                "version": "1f",
                "state": null,
                "propertySources": [{
                    "name": "file:config/member-api.yml",
                    "source": {"database.max-connections": 8},
                }],
            })
        );
    }

    #[test]
    fn an_answer_with_more_or_fewer_fields_is_read() {
        let environment: Environment = serde_json::from_value(json!({
            "name": "shop",
            "profiles": ["default"],
            "resource": null,
            "propertySources": [],
        }))
        .unwrap();

        assert_eq!(environment.version, None);
    }

    #[test]
    fn secrets_are_not_printed() {
        let source = PropertySource {
            name: "file:config/member-api.yml".to_owned(),
            source: BTreeMap::from([("database.password".to_owned(), json!("hunter2"))]),
        };

        let printed = format!("{source:?}");

        assert!(printed.contains("database.password"), "{printed}");
        assert!(!printed.contains("hunter2"), "{printed}");
    }
}
