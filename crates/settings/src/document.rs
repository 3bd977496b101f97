//! From a nested document to a property source.

use serde_json::Value;
use thiserror::Error;

use crate::environment::PropertySource;
use crate::error::SettingsError;
use crate::flat::{FlattenError, flatten};
use crate::node::Node;

/// Why a document can't be a source of settings.
#[derive(Debug, Error)]
pub enum DocumentError {
    /// It can't be written flat.
    #[error("it can't be written flat")]
    Flatten(#[from] FlattenError),
    /// It can't be read back from the flat form.
    #[error("it has keys that can't be read")]
    Keys(#[from] SettingsError),
}

impl PropertySource {
    /// Flattens a nested document, and checks that it can be rebuilt from the flat form.
    pub fn from_document(name: String, document: &Value) -> Result<Self, DocumentError> {
        let source = Self { name, source: flatten(document)? };
        Node::from_source(&source).map_err(SettingsError::new)?;
        Ok(source)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_that_can_not_be_rebuilt_is_refused() {
        for unusable in [json!([1]), json!({"a": 1, "a.b": 2}), json!({"": 1}), json!({"a": {"[1]": 1}})] {
            assert!(PropertySource::from_document("x.yml".to_owned(), &unusable).is_err(), "{unusable}");
        }
    }
}
