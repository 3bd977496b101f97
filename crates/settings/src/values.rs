//! Which keys differ between two versions of the settings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::flat::{Path, Step};
use crate::node::Node;

/// The values of a document by their dotted keys. They may be secrets, so they are only compared, and never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<String, String>);

/// Shows the keys and not the values.
impl fmt::Debug for Values {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl Values {
    pub(crate) fn of(root: &BTreeMap<String, Node>) -> Self {
        let mut values = Self::default();
        for (key, node) in root {
            values.add(&mut Path(vec![Step::Key(key.clone())]), node);
        }
        values
    }

    fn add(&mut self, path: &mut Path, node: &Node) {
        let children: Vec<(Step, &Node)> = match node {
            Node::Leaf { scalar, .. } => {
                self.0.insert(path.to_string(), scalar.to_string());
                return;
            }
            // It is no value, and differs from every other.
            Node::Unopened { .. } => {
                self.0.insert(path.to_string(), "\0".to_owned());
                return;
            }
            Node::List(children) => {
                children.iter().map(|(index, node)| (Step::Index(*index), node)).collect()
            }
            Node::Map(children) => {
                children.iter().map(|(key, node)| (Step::Key(key.clone()), node)).collect()
            }
        };
        for (step, child) in children {
            path.0.push(step);
            self.add(path, child);
            path.0.pop();
        }
    }

    /// The keys that only one of them has, or that have another value.
    pub fn changed_keys(&self, other: &Self) -> BTreeSet<String> {
        let keys = self.0.keys().chain(other.0.keys());
        keys.filter(|key| self.0.get(*key) != other.0.get(*key)).cloned().collect()
    }

    /// Takes the values of these keys from `other`.
    pub fn take(&mut self, keys: &BTreeSet<String>, other: &Self) {
        for key in keys {
            match other.0.get(key) {
                Some(value) => self.0.insert(key.clone(), value.clone()),
                None => self.0.remove(key),
            };
        }
    }
}
