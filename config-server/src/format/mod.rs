//! The formats of settings files: YAML as Spring reads it, and properties.
//!
//! A file is a list of documents. Each document has flat keys, with the place of each value in the file.

mod activation;
mod document;
mod integer;
mod java;
mod limits;
mod properties;
mod scalar;
mod yaml;

use thiserror::Error;

use activation::Activation;
pub use activation::ActivationError;
pub(crate) use document::Document;
pub use limits::LimitError;
pub use properties::PropertiesError;
pub(crate) use scalar::{Plain, Scalar, looks_like_octal, looks_like_timestamp, resolve};
pub use yaml::YamlError;

/// The format of a settings file. The order of the variants is the order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Properties,
    Yaml,
}

/// The extensions of settings files, in order of precedence.
pub(crate) const EXTENSIONS: [&str; 3] = ["properties", "yml", "yaml"];

/// Why a file can't be used as settings. No message shows a value, which may be a secret.
#[derive(Debug, Error)]
pub enum FormatError {
    /// The YAML can't be read.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// The properties can't be read.
    #[error(transparent)]
    Properties(#[from] PropertiesError),
    /// The profiles of a document can't be read.
    #[error("the document #{document} can't be used")]
    Activation {
        /// The number of the document, from 0.
        document: usize,
        /// The cause.
        #[source]
        source: ActivationError,
    },
}

impl Format {
    /// The format of a file with this name. `None` if it is not a settings file.
    pub(crate) fn of_file_name(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1 {
            "properties" => Some(Self::Properties),
            "yml" | "yaml" => Some(Self::Yaml),
            _ => None,
        }
    }

    /// Reads the documents of a file, in the order of the file.
    pub(crate) fn read(self, content: &[u8]) -> Result<Vec<Document>, FormatError> {
        let mut documents = match self {
            Self::Properties => properties::read(content)?,
            Self::Yaml => yaml::read(content)?,
        };
        for (number, document) in documents.iter_mut().enumerate() {
            document.activation = Activation::of(spring_entries(document))
                .map_err(|source| FormatError::Activation { document: number, source })?;
        }
        Ok(documents)
    }
}

/// The entries that may say when a document applies.
fn spring_entries(document: &Document) -> impl Iterator<Item = (&str, String)> {
    let entries = document.entries.iter().filter(|(key, _)| key.starts_with("spring"));
    entries.map(|(key, entry)| (key.as_str(), entry.value.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// No file ends the process, whatever it contains.
        #[test]
        fn any_text_is_read_or_refused(text in "([ab:?\\-\\[\\]{},&*!|>'\"%@#~\\\\.0-9=<\n\t é]|a: |- |\n  |---\n|#---\n|&a |\\*a|<<: |\\\\u12){0,60}") {
            for format in [Format::Yaml, Format::Properties] {
                let _ = format.read(text.as_bytes());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for format in [Format::Yaml, Format::Properties] {
                let _ = format.read(&bytes);
            }
        }
    }
}
