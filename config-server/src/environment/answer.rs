//! The answer of the server, in the JSON of Spring Cloud Config.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;
use settings::PropertySource;

use crate::format::Scalar;

/// The settings of an application under some profiles and a label.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Environment {
    /// The applications as the request wrote them.
    pub(crate) name: String,
    /// One text with all profiles, as Spring has it.
    pub(crate) profiles: [String; 1],
    pub(crate) label: Option<String>,
    /// The commit of a git repository, or else the digest.
    pub(crate) version: String,
    /// It changes whenever these settings do.
    #[serde(skip)]
    pub(crate) digest: String,
    /// Null for directories, and blank for a git repository, as in Spring.
    pub(crate) state: Option<String>,
    /// The one that wins first.
    pub(crate) property_sources: Vec<Source>,
    /// The keys of the values that were opened, for the audit.
    #[serde(skip)]
    pub(crate) opened: BTreeSet<String>,
}

/// One source of settings.
#[derive(Debug, Serialize)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) source: IndexMap<String, Served>,
}

/// A value as it is served.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) value: Scalar,
    /// Where the value stands. Opened values have none, as in Spring.
    pub(crate) origin: Option<String>,
}

impl Serialize for Served {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

/// Shows an environment with the place of each value: version 2 of the media type.
#[derive(Debug)]
pub(crate) struct WithOrigins(pub(crate) Environment);

impl Serialize for WithOrigins {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer<'answer> {
            name: &'answer str,
            profiles: &'answer [String; 1],
            label: &'answer Option<String>,
            version: &'answer str,
            state: &'answer Option<String>,
            property_sources: Vec<SourceWithOrigins<'answer>>,
        }
        #[derive(Serialize)]
        struct SourceWithOrigins<'answer> {
            name: &'answer str,
            source: ValuesWithOrigins<'answer>,
        }
        let Environment { name, profiles, label, version, state, property_sources, digest: _, opened: _ } =
            &self.0;
        let property_sources = property_sources
            .iter()
            .map(|source| SourceWithOrigins { name: &source.name, source: ValuesWithOrigins(&source.source) })
            .collect();
        Answer { name, profiles, label, version, state, property_sources }.serialize(serializer)
    }
}

struct ValuesWithOrigins<'answer>(&'answer IndexMap<String, Served>);

impl Serialize for ValuesWithOrigins<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Descriptor<'answer> {
            value: &'answer Scalar,
            origin: &'answer str,
        }
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, Served { value, origin }) in self.0 {
            match origin {
                Some(origin) => map.serialize_entry(key, &Descriptor { value, origin })?,
                None => map.serialize_entry(key, value)?,
            }
        }
        map.end()
    }
}

/// The form in which a process of ours reads its settings.
impl From<Environment> for settings::Environment {
    fn from(environment: Environment) -> Self {
        let property_sources = environment.property_sources.into_iter().map(|Source { name, source }| {
            let source =
                source.into_iter().map(|(key, Served { value, .. })| (key, as_json(&value))).collect();
            PropertySource { name, source }
        });
        Self {
            name: environment.name,
            profiles: environment.profiles.into(),
            label: environment.label,
            version: Some(environment.version),
            state: environment.state,
            property_sources: property_sources.collect(),
        }
    }
}

/// A number that JSON's reader can't hold becomes a text: it keeps its digits.
fn as_json(value: &Scalar) -> Value {
    match value {
        Scalar::Bool(value) => Value::from(*value),
        Scalar::Integer(value) => {
            let text = value.as_str();
            let small =
                text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from));
            small.unwrap_or_else(|_| Value::from(text))
        }
        Scalar::Float(value) if value.is_finite() => Value::from(*value),
        other => Value::from(other.to_string()),
    }
}
