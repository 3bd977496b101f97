//! What a settings file contains.

use std::fmt;

use indexmap::IndexMap;

use super::activation::Activation;
use super::scalar::Scalar;

/// One document of a settings file.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// Flat key to value, in the order of the file.
    pub(crate) entries: IndexMap<String, Entry>,
    /// When the document applies, and what it imports.
    pub(crate) activation: Activation,
    /// The values that YAML 1.1 reads in a way that surprises many.
    pub(crate) surprises: Vec<Surprise>,
}

/// A value with its place in the file.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) value: Scalar,
    pub(crate) origin: Origin,
}

/// A place in a file. Shown as Spring shows it: `line:column`, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    /// From 0.
    pub(crate) line: usize,
    /// From -1: the end of a line counts as the column before the next line.
    pub(crate) column: isize,
}

/// A value that is not the text that it looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Surprise {
    pub(crate) origin: Origin,
    /// As it is written: `0755`.
    pub(crate) written: String,
    /// As it is served: `493`.
    pub(crate) served: String,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.line + 1, self.column + 1)
    }
}
