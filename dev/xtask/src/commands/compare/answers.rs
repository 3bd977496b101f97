//! What is different in two answers.

use std::fmt;

use serde_json::Value;

use super::servers::Answer;
use super::trees::Request;

/// A request that is answered in different ways.
pub(super) struct Difference {
    pub(super) path: String,
    pub(super) what: String,
    /// The size of the tree.
    pub(super) bytes: usize,
    pub(super) files: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "GET {}\n{}{}", self.path, self.files, self.what)
    }
}

/// Compares two answers. Errors have the form of each server, and count as the same.
pub(super) fn difference(request: Request, spring: &Answer, ours: &Answer) -> Option<String> {
    match (spring.status >= 400, ours.status >= 400) {
        (true, true) => return None,
        (false, false) => {}
        _ => return Some(shown(spring, ours)),
    }
    let is_same = match request {
        Request::Environment(_) | Request::Origins(_) => environment(&spring.text) == environment(&ours.text),
        Request::Rendering(name) if name.contains(".json") => json(&spring.text) == json(&ours.text),
        Request::Rendering(name) if name.contains(".yml") => {
            spring.text == ours.text
                || yaml(&spring.text).is_some_and(|theirs| Some(theirs) == yaml(&ours.text))
        }
        Request::Rendering(_) | Request::Plain(_) => spring.text == ours.text,
    };
    (!is_same).then(|| shown(spring, ours))
}

/// Our version is a digest; Spring's is null for a folder. The place of an empty value can be one column beside Spring's.
fn environment(text: &str) -> Option<Value> {
    let mut environment = json(text)?;
    environment.as_object_mut()?.remove("version");
    for source in environment["propertySources"].as_array_mut()? {
        for value in source["source"].as_object_mut()?.values_mut().filter_map(Value::as_object_mut) {
            if value.get("value").is_some_and(|value| value == "") {
                value.remove("origin");
            }
        }
    }
    Some(environment)
}

fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// What YAML means. We write a key of several lines between quotes, and Spring's server as a block.
fn yaml(text: &str) -> Option<Value> {
    serde_saphyr::from_str(text).ok()
}

fn shown(spring: &Answer, ours: &Answer) -> String {
    format!("=== Spring: {}\n{}\n=== ours: {}\n{}", spring.status, spring.text, ours.status, ours.text)
}
