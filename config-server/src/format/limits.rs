//! The limits of a settings file. A file of a few kilobytes can stand for a document of many gigabytes: by aliases, by long
//! keys, and by deep nesting.

use thiserror::Error;

/// How deep maps and lists are nested. `SnakeYAML` has the same limit.
pub(super) const DEPTH_MAX: usize = 50;

/// How many nodes a file has after its aliases are followed.
pub(super) const NODES_MAX: usize = 200_000;

/// How many parts a key has. Each part is a level in a nested rendering.
const KEY_PARTS_MAX: usize = 128;

/// How many bytes the flat keys and values of a file have together.
const FLAT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Which limit a file exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LimitError {
    /// Maps and lists are nested too deeply.
    #[error("maps and lists are nested more than {DEPTH_MAX} levels deep")]
    Depth,
    /// Too many values.
    #[error("there are more than {NODES_MAX} values, aliases included")]
    Nodes,
    /// A key has too many parts.
    #[error("a key has more than {KEY_PARTS_MAX} parts")]
    KeyParts,
    /// The flat document is too large.
    #[error("the keys and values have more than {FLAT_BYTES_MAX} bytes together")]
    Bytes,
}

/// What is left of the limits while the documents of a file are flattened.
#[derive(Debug)]
pub(super) struct Budget {
    nodes: usize,
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { nodes: NODES_MAX, bytes: FLAT_BYTES_MAX }
    }
}

impl Budget {
    /// Takes one node.
    pub(super) fn take_node(&mut self) -> Result<(), LimitError> {
        self.nodes = self.nodes.checked_sub(1).ok_or(LimitError::Nodes)?;
        Ok(())
    }

    /// Takes the bytes of text that is copied.
    pub(super) fn take_bytes(&mut self, bytes: usize) -> Result<(), LimitError> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or(LimitError::Bytes)?;
        Ok(())
    }

    /// Takes an entry.
    pub(super) fn take_entry(&mut self, key: &str, value_bytes: usize) -> Result<(), LimitError> {
        let parts = key.bytes().filter(|byte| matches!(byte, b'.' | b'[')).take(KEY_PARTS_MAX).count();
        if parts >= KEY_PARTS_MAX {
            return Err(LimitError::KeyParts);
        }
        self.take_bytes(key.len() + value_bytes)
    }
}
