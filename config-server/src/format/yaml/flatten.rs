//! Writes a document flat: dotted key to value. The rules are those of Spring's `YamlProcessor`.

use indexmap::IndexMap;
use indexmap::map::Entry as MapEntry;

use super::compose::{Composed, Kind, Node, NodeId};
use super::error::YamlError;
use crate::format::document::{Document, Entry, Surprise};
use crate::format::limits::{Budget, LimitError};
use crate::format::scalar::{Plain, Scalar, float, integer, resolve, truth};

/// The key of a document that is no map.
const DOCUMENT: &str = "document";

/// How deep aliases are followed. Collections that contain each other by aliases can be deeper than the file.
const DEPTH_MAX: usize = 100;

/// Writes a document flat. `None` if there is nothing in it.
pub(super) fn document(composed: &Composed, budget: &mut Budget) -> Result<Option<Document>, YamlError> {
    let mut flattener = Flattener { nodes: &composed.nodes, document: Document::default(), budget };
    let root = &composed.nodes[composed.root];
    match &root.kind {
        Kind::Mapping(_) if !is_set(root) => flattener.map("", composed.root, false, 0)?,
        Kind::Scalar { .. } if scalar(root)? == Scalar::Text(String::new()) => return Ok(None),
        _ => flattener.value(DOCUMENT.to_owned(), composed.root, false, 0)?,
    }
    Ok(Some(flattener.document))
}

struct Flattener<'run> {
    nodes: &'run [Node],
    document: Document,
    budget: &'run mut Budget,
}

/// A key of a map.
struct Key {
    /// As it stands in the flat key: a key that is no text has brackets.
    text: String,
    is_text: bool,
}

/// The pairs of a map by the identity of their keys: `1` and `'1'` are two keys, `1` and `0x1` are one.
type Pairs = IndexMap<Identity, (Key, NodeId)>;

/// Whether the key is text, whether it is merged in from a map that stands inside of the merging one, and the key.
///
/// To Spring, a key of such an inner map is another key than the same key of a map before it. Both stay, and the later one
/// wins at the end: in `<<: [{x: 9}, *before]`, the `x` of `*before`.
type Identity = (bool, bool, String);

/// How the pairs of a map come into another.
#[derive(Clone, Copy)]
struct Merging {
    /// They are the map's own.
    is_own: bool,
    /// They are of a map that stands inside of the other. Nodes are numbered in the order of the file.
    is_inner: bool,
    into: NodeId,
}

impl Merging {
    fn of(self, map: NodeId) -> Self {
        Self { is_own: false, is_inner: self.is_inner || map > self.into, into: self.into }
    }
}

impl Flattener<'_> {
    fn map(&mut self, path: &str, id: NodeId, is_in_list: bool, depth: usize) -> Result<(), YamlError> {
        let mut pairs = Pairs::new();
        self.collect(id, Merging { is_own: true, is_inner: false, into: id }, &mut pairs, depth)?;
        let mut values: IndexMap<String, NodeId> = IndexMap::with_capacity(pairs.len());
        for (key, value) in pairs.into_values() {
            if is_in_list && !key.is_text {
                return Err(self.error(id, "a map in a list has a key that is no text"));
            }
            values.insert(key.text, value);
        }
        for (key, value) in values {
            self.take(value, path.len() + key.len())?;
            let path = if path.trim().is_empty() {
                key
            } else if key.starts_with('[') {
                format!("{path}{key}")
            } else {
                format!("{path}.{key}")
            };
            self.value(path, value, is_in_list, depth + 1)?;
        }
        Ok(())
    }

    fn value(&mut self, key: String, id: NodeId, is_in_list: bool, depth: usize) -> Result<(), YamlError> {
        let node = &self.nodes[id];
        if depth > DEPTH_MAX {
            return Err(YamlError::limit(node.origin, LimitError::Depth));
        }
        match &node.kind {
            Kind::Scalar { text, is_plain } => {
                let value = scalar(node)?;
                if *is_plain && node.tag.is_none() {
                    self.note_surprise(node, text, &value);
                }
                self.put(key, id, value)
            }
            Kind::Sequence(items) => {
                refuse_tag(node, &["seq"])?;
                self.items(key, id, items, depth)
            }
            Kind::Mapping(pairs) if is_set(node) => {
                let items: Vec<NodeId> = pairs.iter().map(|(key, _)| *key).collect();
                self.items(key, id, &items, depth)
            }
            Kind::Mapping(_) => self.map(&key, id, is_in_list, depth),
        }
    }

    fn items(&mut self, key: String, id: NodeId, items: &[NodeId], depth: usize) -> Result<(), YamlError> {
        if items.is_empty() {
            return self.put(key, id, Scalar::Text(String::new()));
        }
        for (index, item) in items.iter().enumerate() {
            self.take(*item, key.len())?;
            self.value(format!("{key}[{index}]"), *item, true, depth + 1)?;
        }
        Ok(())
    }

    fn put(&mut self, key: String, id: NodeId, value: Scalar) -> Result<(), YamlError> {
        let origin = self.nodes[id].origin;
        let bytes = if let Scalar::Text(text) = &value { text.len() } else { 0 };
        self.budget.take_entry(&key, bytes).map_err(|error| YamlError::limit(origin, error))?;
        self.document.entries.insert(key, Entry { value, origin });
        Ok(())
    }

    /// Collects the pairs of a map. A key of the map itself wins over the same key of a map that is merged in.
    fn collect(
        &mut self,
        id: NodeId,
        merging: Merging,
        pairs: &mut Pairs,
        depth: usize,
    ) -> Result<(), YamlError> {
        let node = &self.nodes[id];
        if depth > DEPTH_MAX {
            return Err(YamlError::limit(node.origin, LimitError::Depth));
        }
        let Kind::Mapping(entries) = &node.kind else {
            return Err(self.error(id, "only maps can be merged"));
        };
        refuse_tag(node, &["map"])?;
        self.refuse_twice(entries, depth)?;
        for (key, value) in entries {
            self.take(*key, 0)?;
            if self.is(&Plain::Merge, *key)? {
                match &self.nodes[*value].kind {
                    Kind::Sequence(maps) => {
                        for map in maps {
                            self.collect(*map, merging.of(*map), pairs, depth + 1)?;
                        }
                    }
                    _ => self.collect(*value, merging.of(*value), pairs, depth + 1)?,
                }
                continue;
            }
            let key = self.key(*key, depth)?;
            match pairs.entry((key.is_text, merging.is_inner, key.text.clone())) {
                MapEntry::Vacant(place) => {
                    place.insert((key, *value));
                }
                MapEntry::Occupied(mut place) if merging.is_own => {
                    place.insert((key, *value));
                }
                MapEntry::Occupied(_) => {}
            }
        }
        Ok(())
    }

    fn refuse_twice(&mut self, entries: &[(NodeId, NodeId)], depth: usize) -> Result<(), YamlError> {
        let mut seen = std::collections::HashSet::with_capacity(entries.len());
        for (id, _) in entries {
            if !self.is(&Plain::Merge, *id)? {
                let key = self.key(*id, depth)?;
                if !seen.insert((key.is_text, key.text)) {
                    return Err(self.error(*id, "the map has this key twice"));
                }
            }
        }
        Ok(())
    }

    fn is(&self, wanted: &Plain, id: NodeId) -> Result<bool, YamlError> {
        Ok(matches!(self.nodes[id].kind, Kind::Scalar { .. }) && plain(&self.nodes[id])? == *wanted)
    }

    fn key(&mut self, id: NodeId, depth: usize) -> Result<Key, YamlError> {
        let node = &self.nodes[id];
        if let Kind::Scalar { .. } = node.kind {
            return match plain(node)? {
                Plain::Value(Scalar::Text(text)) => Ok(Key { text, is_text: true }),
                Plain::Value(value) => Ok(Key { text: format!("[{value}]"), is_text: false }),
                Plain::Null => Ok(Key { text: "[null]".to_owned(), is_text: false }),
                Plain::Merge => Err(self.error(id, "a key is missing")),
            };
        }
        let mut text = "[".to_owned();
        self.write_java(id, &mut text, depth)?;
        text.push(']');
        Ok(Key { text, is_text: false })
    }

    /// The text that Java makes of a collection. Its nulls are empty texts, but not its keys.
    fn write_java(&mut self, id: NodeId, text: &mut String, depth: usize) -> Result<(), YamlError> {
        let node = &self.nodes[id];
        if depth > DEPTH_MAX {
            return Err(YamlError::limit(node.origin, LimitError::Depth));
        }
        let before = text.len();
        match &node.kind {
            Kind::Scalar { .. } => text.push_str(&scalar(node)?.to_string()),
            // Spring reads an empty list as an empty text.
            Kind::Sequence(items) if items.is_empty() => {}
            Kind::Sequence(items) => {
                text.push('[');
                for (index, item) in items.iter().enumerate() {
                    text.push_str(if index == 0 { "" } else { ", " });
                    self.write_java(*item, text, depth + 1)?;
                }
                text.push(']');
            }
            Kind::Mapping(pairs) => {
                self.refuse_twice(pairs, depth)?;
                text.push('{');
                for (index, (key, value)) in pairs.iter().enumerate() {
                    text.push_str(if index == 0 { "" } else { ", " });
                    if self.is(&Plain::Null, *key)? {
                        text.push_str("null");
                    } else {
                        self.write_java(*key, text, depth + 1)?;
                    }
                    text.push('=');
                    self.write_java(*value, text, depth + 1)?;
                }
                text.push('}');
            }
        }
        self.take(id, text.len() - before)
    }

    fn note_surprise(&mut self, node: &Node, written: &str, value: &Scalar) {
        let served = value.to_string();
        let is_surprising = match value {
            Scalar::Text(_) => false,
            Scalar::Bool(_) => !written.eq_ignore_ascii_case(&served),
            Scalar::Integer(_) | Scalar::Float(_) => written != served,
        };
        if is_surprising {
            self.document.surprises.push(Surprise {
                origin: node.origin,
                written: written.to_owned(),
                served,
            });
        }
    }

    fn take(&mut self, id: NodeId, bytes: usize) -> Result<(), YamlError> {
        let origin = self.nodes[id].origin;
        self.budget
            .take_node()
            .and_then(|()| self.budget.take_bytes(bytes))
            .map_err(|error| YamlError::limit(origin, error))
    }

    fn error(&self, id: NodeId, reason: &str) -> YamlError {
        YamlError::at(self.nodes[id].origin, reason)
    }
}

/// A null is an empty text.
fn scalar(node: &Node) -> Result<Scalar, YamlError> {
    match plain(node)? {
        Plain::Null => Ok(Scalar::Text(String::new())),
        Plain::Value(value) => Ok(value),
        Plain::Merge => Err(YamlError::at(node.origin, "<< can only be a key")),
    }
}

fn plain(node: &Node) -> Result<Plain, YamlError> {
    let Kind::Scalar { text, is_plain } = &node.kind else {
        return Err(YamlError::at(node.origin, "a single value is expected"));
    };
    let as_text = || Some(Scalar::Text(text.clone()));
    let value = match node.tag.as_deref() {
        None | Some("!") if *is_plain => return Ok(resolve(text)),
        None | Some("!" | "str" | "timestamp") => as_text(),
        Some("binary") => Some(Scalar::Text(text.split_whitespace().collect())),
        Some("null") => return Ok(Plain::Null),
        Some("int") => integer(text).map(Scalar::Integer),
        Some("float") => float(text).map(Scalar::Float),
        Some("bool") => truth(text).map(Scalar::Bool),
        Some(_) => return Err(YamlError::at(node.origin, "the tag is unknown")),
    };
    value.map(Plain::Value).ok_or_else(|| YamlError::at(node.origin, "the value does not fit its tag"))
}

/// A set is served as a list of its members.
fn is_set(node: &Node) -> bool {
    node.tag.as_deref() == Some("set")
}

fn refuse_tag(node: &Node, known: &[&str]) -> Result<(), YamlError> {
    match node.tag.as_deref() {
        Some(tag) if tag != "!" && !known.contains(&tag) => {
            Err(YamlError::at(node.origin, "the tag is unknown"))
        }
        _ => Ok(()),
    }
}
