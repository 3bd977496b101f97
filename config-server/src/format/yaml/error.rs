//! Why a YAML file can't be used.

use thiserror::Error;

use crate::format::document::Origin;
use crate::format::limits::LimitError;

/// Why a YAML file can't be used. No message shows a part of the file, which may contain secrets.
#[derive(Debug, Error)]
pub enum YamlError {
    /// The file is not UTF-8.
    #[error("it is not UTF-8")]
    Encoding(#[source] std::str::Utf8Error),
    /// The file is not well-formed.
    #[error("it is not well-formed YAML at line {line}, column {column}: {reason}")]
    Syntax {
        /// From 1.
        line: usize,
        /// From 1.
        column: isize,
        /// What is wrong.
        reason: String,
    },
    /// The file exceeds a limit.
    #[error("line {line}: {source}")]
    Limit {
        /// From 1.
        line: usize,
        /// Which limit.
        #[source]
        source: LimitError,
    },
}

impl YamlError {
    pub(super) fn at(origin: Origin, reason: impl Into<String>) -> Self {
        Self::Syntax { line: origin.line + 1, column: origin.column + 1, reason: reason.into() }
    }

    pub(super) fn limit(origin: Origin, source: LimitError) -> Self {
        Self::Limit { line: origin.line + 1, source }
    }
}
