//! From a document to a typed value: first by serde, then by garde. Every error has its dotted key.

mod deserializer;
mod error;

use garde::Validate;
use serde::de::DeserializeOwned;

use self::deserializer::NodeDeserializer;
use crate::error::{Fault, SettingsError};
use crate::flat::{Path, Step};
use crate::live;
use crate::node::Node;

/// Reads a node as `T`. `base` is the path of the node in the whole document.
pub(crate) fn bind<T>(node: &Node, base: &Path) -> Result<T, SettingsError>
where
    T: DeserializeOwned + Validate<Context = ()>,
{
    let value = T::deserialize(NodeDeserializer::new(node)).map_err(|error| {
        let (path, problem) = error.into_parts();
        SettingsError::from(fault(node, base, path, problem))
    })?;
    let validated = live::locating(base, || value.validate());
    match validated {
        Ok(()) => Ok(value),
        Err(report) => {
            let broken_rules = report.iter();
            let mut faults: Vec<_> = broken_rules
                .map(|(path, error)| fault(node, base, written_path(node, path), error.to_string()))
                .collect();
            faults.sort_by(|one, other| one.key.cmp(&other.key));
            Err(SettingsError::new(faults))
        }
    }
}

/// The first key directly in the node that `T` does not know, and those that it knows.
pub(crate) fn unknown_key<T: DeserializeOwned>(node: &Node) -> Option<(String, &'static [&'static str])> {
    T::deserialize(NodeDeserializer::new(node)).err()?.unknown_key()
}

fn fault(node: &Node, base: &Path, path: Path, problem: String) -> Fault {
    let origin = node.origin_at(&path.0);
    let whole = Path(base.0.iter().cloned().chain(path.0).collect());
    let key = if whole.0.is_empty() { "settings".to_owned() } else { whole.to_string() };
    Fault { key, problem, origin }
}

/// The path of a validated field in the document. garde gives `max_connections`; the document has `max-connections`.
fn written_path(root: &Node, path: &garde::Path) -> Path {
    let steps = Path::parse(&path.to_string()).unwrap_or_default().0;
    let mut node = Some(root);
    let written = steps.into_iter().map(|step| {
        let step = match step {
            Step::Key(field) if node.and_then(|node| node.child(&Step::Key(field.clone()))).is_none() => {
                Step::Key(field.replace('_', "-"))
            }
            known => known,
        };
        node = node.and_then(|node| node.child(&step));
        step
    });
    Path(written.collect())
}
