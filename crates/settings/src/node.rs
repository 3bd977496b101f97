//! A document of settings in which every value has the name of the property source that has set it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::Arc;

use serde_json::{Number, Value};

use crate::environment::{PropertySource, UNOPENED, UNOPENED_PREFIX};
use crate::error::Fault;
use crate::flat::{Path, Step};

/// A value of the document.
pub(crate) enum Node {
    Leaf {
        scalar: Scalar,
        origin: Arc<str>,
    },
    /// A sealed value that the config server could not open.
    Unopened {
        origin: Arc<str>,
    },
    /// By index, because flat keys may be in any order.
    List(BTreeMap<usize, Node>),
    Map(BTreeMap<String, Node>),
}

/// A value of a property source.
pub(crate) enum Scalar {
    Text(String),
    Number(Number),
    Bool(bool),
}

/// Two keys of one source exclude each other, for example `a` and `a.b`.
struct Conflict;

impl Node {
    pub(crate) fn empty() -> Self {
        Self::Map(BTreeMap::new())
    }

    /// Rebuilds the nested document of one source.
    pub(crate) fn from_source(source: &PropertySource) -> Result<Self, Vec<Fault>> {
        let origin: Arc<str> = source.name.as_str().into();
        let mut root = Self::empty();
        let mut faults = Vec::new();
        for (flat_key, value) in &source.source {
            let (key, node) = read_entry(flat_key, value, &origin);
            let inserted = match (Path::parse(key), node) {
                (Err(error), _) => Err(error.to_string()),
                (_, None) => Err("must be a text, a number or a boolean".to_owned()),
                (Ok(path), Some(node)) => root
                    .insert(&path.0, node)
                    .map_err(|Conflict| "is set beside another key that leaves no room for it".to_owned()),
            };
            if let Err(problem) = inserted {
                faults.push(Fault { key: key.to_owned(), problem, origin: Some(source.name.clone()) });
            }
        }
        if let Some(gap) = root.first_gap(&mut Path::default()) {
            let problem = "is missing, though later entries of the list are there".to_owned();
            faults.push(Fault { key: gap.to_string(), problem, origin: Some(source.name.clone()) });
        }
        if faults.is_empty() { Ok(root) } else { Err(faults) }
    }

    fn insert(&mut self, steps: &[Step], node: Self) -> Result<(), Conflict> {
        match (self, steps) {
            (Self::Map(children), [Step::Key(key), rest @ ..]) => {
                put(children.entry(key.clone()), rest, node)
            }
            (Self::List(children), [Step::Index(index), rest @ ..]) => {
                put(children.entry(*index), rest, node)
            }
            _ => Err(Conflict),
        }
    }

    /// The first entry that is missing in a list.
    fn first_gap(&self, path: &mut Path) -> Option<Path> {
        let children: Vec<(Step, &Self)> = match self {
            Self::Leaf { .. } | Self::Unopened { .. } => return None,
            Self::Map(children) => {
                children.iter().map(|(key, node)| (Step::Key(key.clone()), node)).collect()
            }
            Self::List(children) => {
                if let Some(gap) = (0..children.len()).find(|index| !children.contains_key(index)) {
                    path.0.push(Step::Index(gap));
                    return Some(path.clone());
                }
                children.iter().map(|(index, node)| (Step::Index(*index), node)).collect()
            }
        };
        children.into_iter().find_map(|(step, child)| {
            path.0.push(step);
            let gap = child.first_gap(path);
            path.0.pop();
            gap
        })
    }

    /// Merges this document with one of lower precedence. Maps are merged key by key. A list replaces the other list as a whole,
    /// as in Spring: entries of two files are never mixed. A blank value does not replace a map.
    pub(crate) fn merged_over(self, lower: Self) -> Self {
        match (self, lower) {
            (Self::Map(mut high), Self::Map(low)) => {
                for (key, low) in low {
                    let merged = match high.remove(&key) {
                        Some(high) => high.merged_over(low),
                        None => low,
                    };
                    high.insert(key, merged);
                }
                Self::Map(high)
            }
            (Self::Leaf { scalar, .. }, Self::Map(low)) if scalar.is_blank() => Self::Map(low),
            (high, _) => high,
        }
    }

    pub(crate) fn child(&self, step: &Step) -> Option<&Self> {
        match (self, step) {
            (Self::Map(children), Step::Key(key)) => children.get(key),
            (Self::List(children), Step::Index(index)) => children.get(index),
            _ => None,
        }
    }

    /// The source that has set the value at the end of the path.
    pub(crate) fn origin_at(&self, path: &[Step]) -> Option<String> {
        match path {
            [] => self.any_origin().map(ToString::to_string),
            [step, rest @ ..] => self.child(step)?.origin_at(rest),
        }
    }

    /// Whether all values in it come from sources like this.
    pub(crate) fn comes_only_from(&self, is_one: fn(&str) -> bool) -> bool {
        match self {
            Self::Leaf { origin, .. } | Self::Unopened { origin } => is_one(origin),
            Self::List(children) => children.values().all(|child| child.comes_only_from(is_one)),
            Self::Map(children) => children.values().all(|child| child.comes_only_from(is_one)),
        }
    }

    fn any_origin(&self) -> Option<&Arc<str>> {
        match self {
            Self::Leaf { origin, .. } | Self::Unopened { origin } => Some(origin),
            Self::List(children) => children.values().find_map(Self::any_origin),
            Self::Map(children) => children.values().find_map(Self::any_origin),
        }
    }
}

impl Scalar {
    /// Whether it is an empty text, which is the null of a flat document.
    pub(crate) fn is_blank(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(text),
            Self::Number(number) => number.fmt(formatter),
            Self::Bool(bool) => bool.fmt(formatter),
        }
    }
}

/// The key of an entry and its value. The value is `None` if it is a list or a map, which can't be in a flat document.
fn read_entry<'entry>(
    flat_key: &'entry str,
    value: &Value,
    origin: &Arc<str>,
) -> (&'entry str, Option<Node>) {
    let origin = Arc::clone(origin);
    if let Some(key) = flat_key.strip_prefix(UNOPENED_PREFIX)
        && value == UNOPENED
    {
        return (key, Some(Node::Unopened { origin }));
    }
    let scalar = match value {
        Value::Null => Scalar::Text(String::new()),
        Value::Bool(bool) => Scalar::Bool(*bool),
        Value::Number(number) => Scalar::Number(number.clone()),
        Value::String(text) => Scalar::Text(text.clone()),
        Value::Array(_) | Value::Object(_) => return (flat_key, None),
    };
    (flat_key, Some(Node::Leaf { scalar, origin }))
}

fn put<K: Ord>(entry: Entry<'_, K, Node>, rest: &[Step], node: Node) -> Result<(), Conflict> {
    let child = match (entry, rest) {
        (Entry::Vacant(entry), []) => {
            entry.insert(node);
            return Ok(());
        }
        (Entry::Occupied(_), []) => return Err(Conflict),
        (Entry::Vacant(entry), [Step::Key(_), ..]) => entry.insert(Node::Map(BTreeMap::new())),
        (Entry::Vacant(entry), [Step::Index(_), ..]) => entry.insert(Node::List(BTreeMap::new())),
        (Entry::Occupied(entry), [_, ..]) => entry.into_mut(),
    };
    child.insert(rest, node)
}
