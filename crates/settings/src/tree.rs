//! One document that is merged from the sources of an environment, and the typed sections that are taken from it.

use std::collections::BTreeMap;
use std::fmt;

use garde::Validate;
use serde::de::DeserializeOwned;

use crate::bind::bind;
use crate::environment::Environment;
use crate::error::SettingsError;
use crate::flat::{Path, Step};
use crate::node::Node;
use crate::values::Values;

/// All settings of a process. Each part of the process takes its section. What is left at the end belongs to the service itself,
/// and an entry that is not known there is refused.
pub struct Tree {
    pub(crate) root: BTreeMap<String, Node>,
    version: Option<String>,
}

impl Tree {
    /// Merges the sources of an environment. The first source that sets a key has precedence.
    ///
    /// Keys that can't be read and lists with a missing entry are refused, all of them at once.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingsError> {
        let mut merged = Node::empty();
        let mut faults = Vec::new();
        for source in &environment.property_sources {
            match Node::from_source(source) {
                Ok(document) => merged = merged.merged_over(document),
                Err(more) => faults.extend(more),
            }
        }
        if !faults.is_empty() {
            return Err(SettingsError::new(faults));
        }
        let root = match merged {
            Node::Map(root) => root,
            Node::Leaf { .. } | Node::Unopened { .. } | Node::List(_) => BTreeMap::new(),
        };
        Ok(Self { root, version: environment.version.clone() })
    }

    /// Takes the section with this name and reads it as `T`, by serde and then by garde.
    ///
    /// A section that is in no source is read as an empty one, so a type whose fields all have defaults needs no entry. Numbers
    /// and booleans may be texts. An error names the first key that serde refuses, or every key that garde refuses.
    pub fn take_section<T>(&mut self, name: &str) -> Result<T, SettingsError>
    where
        T: DeserializeOwned + Validate<Context = ()>,
    {
        let node = self.root.remove(name).unwrap_or_else(Node::empty);
        bind(&node, &Path(vec![Step::Key(name.to_owned())]))
    }

    /// Reads everything that was not taken as `T`, which should deny unknown fields.
    pub fn finish<T>(self) -> Result<T, SettingsError>
    where
        T: DeserializeOwned + Validate<Context = ()>,
    {
        bind(&Node::Map(self.root), &Path::default())
    }

    /// The values of everything that was not taken yet, to compare them with those of another version.
    pub fn values(&self) -> Values {
        Values::of(&self.root)
    }

    /// The version of the environment. It changes whenever one of the sources does.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }
}

/// Shows the names of the sections and not the values, because these may be secrets.
impl fmt::Debug for Tree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tree")
            .field("version", &self.version)
            .field("sections", &self.root.keys().collect::<Vec<_>>())
            .finish()
    }
}
