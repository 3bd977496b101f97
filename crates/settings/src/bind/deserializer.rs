//! Reads a document as serde's data model. Single values are converted, as Spring's binder does.
//!
//! - A number or a boolean may be a text, and a text may be a number or a boolean.
//! - An empty text is the null of a flat document. It is read as `None`, as an empty list or as an empty map, if the type is one
//!   of these.
//!
//! Types that buffer their input (`#[serde(flatten)]`, untagged and internally tagged enums) get the values without conversion.

use std::collections::{BTreeMap, btree_map};
use std::str::FromStr;
use std::sync::Arc;

use serde::Deserializer;
use serde::de::value::{MapAccessDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::error::BindError;
use crate::flat::Step;
use crate::node::{Node, Scalar};

/// Reads one node.
#[derive(Clone, Copy)]
pub(super) struct NodeDeserializer<'tree> {
    node: &'tree Node,
}

impl<'tree> NodeDeserializer<'tree> {
    pub(super) fn new(node: &'tree Node) -> Self {
        Self { node }
    }

    /// The single value, or an error that says what was expected.
    fn scalar(self, expected: &str) -> Result<&'tree Scalar, BindError> {
        match self.node {
            Node::Leaf { scalar, .. } => Ok(scalar),
            Node::Unopened { .. } => Err(unopened()),
            Node::List(_) | Node::Map(_) => Err(BindError::must_be(expected)),
        }
    }

    fn text(self) -> Result<String, BindError> {
        self.scalar("a text").map(ToString::to_string)
    }

    fn parsed<T: FromStr>(self, expected: &str) -> Result<T, BindError> {
        let written = self.scalar(expected)?.to_string();
        written.trim().parse().map_err(|_| BindError::must_be(expected))
    }

    /// Reads the texts that Spring's converter accepts.
    fn bool(self) -> Result<bool, BindError> {
        let expected = "`true` or `false`";
        let written = self.scalar(expected)?.to_string();
        match written.trim().to_ascii_lowercase().as_str() {
            "true" | "on" | "yes" | "1" => Ok(true),
            "false" | "off" | "no" | "0" => Ok(false),
            _ => Err(BindError::must_be(expected)),
        }
    }

    fn is_blank(self) -> bool {
        matches!(self.node, Node::Leaf { scalar, .. } if scalar.is_blank())
    }
}

fn unopened() -> BindError {
    BindError::new("is sealed, and the config server could not open it")
}

macro_rules! deserialize_whole_number {
    ($($method:ident $visit:ident $number:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
            let expected = format!("a whole number from {} to {}", <$number>::MIN, <$number>::MAX);
            visitor.$visit(self.parsed::<$number>(&expected)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for NodeDeserializer<'_> {
    type Error = BindError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        match self.node {
            Node::Unopened { .. } => Err(unopened()),
            Node::List(_) => self.deserialize_seq(visitor),
            Node::Map(_) => self.deserialize_map(visitor),
            Node::Leaf { scalar, .. } => match scalar {
                Scalar::Bool(bool) => visitor.visit_bool(*bool),
                Scalar::Number(number) => visit_number(number, visitor),
                Scalar::Text(text) => visitor.visit_str(text),
            },
        }
    }

    deserialize_whole_number!(
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64
    );

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        visitor.visit_f32(self.parsed("a number")?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        visitor.visit_f64(self.parsed("a number")?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        visitor.visit_bool(self.bool()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        if self.is_blank() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, BindError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        match self.node {
            Node::List(children) => visitor.visit_seq(ListEntries(children.iter())),
            Node::Unopened { .. } => Err(unopened()),
            Node::Leaf { .. } if self.is_blank() => visitor.visit_seq(ListEntries(BTreeMap::new().iter())),
            Node::Leaf { .. } | Node::Map(_) => Err(BindError::must_be("a list")),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, BindError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, BindError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        match self.node {
            Node::Map(children) => visitor.visit_map(MapEntries::new(children)),
            Node::Unopened { .. } => Err(unopened()),
            Node::Leaf { .. } if self.is_blank() => visitor.visit_map(MapEntries::new(&BTreeMap::new())),
            Node::Leaf { .. } | Node::List(_) => Err(BindError::must_be("a section with keys of its own")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BindError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BindError> {
        match self.node {
            Node::Map(children) if children.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(MapEntries::new(children)))
            }
            Node::Map(_) => Err(BindError::must_be("a section with exactly one key")),
            _ => visitor.visit_enum(StringDeserializer::new(self.text()?)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { i128 u128 bytes byte_buf unit unit_struct }
}

fn visit_number<'de, V: Visitor<'de>>(number: &Number, visitor: V) -> Result<V::Value, BindError> {
    if let Some(whole) = number.as_u64() {
        visitor.visit_u64(whole)
    } else if let Some(whole) = number.as_i64() {
        visitor.visit_i64(whole)
    } else {
        // Without serde_json's arbitrary precision, every other number is a float.
        visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
    }
}

/// A key as a node, so that it is read by the same rules as a value.
fn key_node(key: &str) -> Node {
    Node::Leaf { scalar: Scalar::Text(key.to_owned()), origin: Arc::default() }
}

struct ListEntries<'tree>(btree_map::Iter<'tree, usize, Node>);

impl<'de> SeqAccess<'de> for ListEntries<'_> {
    type Error = BindError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, BindError> {
        let Some((index, node)) = self.0.next() else {
            return Ok(None);
        };
        let element = seed.deserialize(NodeDeserializer::new(node));
        element.map(Some).map_err(|error| error.inside(Step::Index(*index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct MapEntries<'tree> {
    entries: btree_map::Iter<'tree, String, Node>,
    /// The entry whose key has been read and whose value has not.
    current: Option<(&'tree str, &'tree Node)>,
}

impl<'tree> MapEntries<'tree> {
    fn new(children: &'tree BTreeMap<String, Node>) -> Self {
        Self { entries: children.iter(), current: None }
    }
}

impl<'de> MapAccess<'de> for MapEntries<'_> {
    type Error = BindError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, BindError> {
        let Some((key, node)) = self.entries.next() else {
            return Ok(None);
        };
        self.current = Some((key, node));
        seed.deserialize(NodeDeserializer::new(&key_node(key))).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, BindError> {
        let Some((key, node)) = self.current.take() else {
            return Err(BindError::new("was asked for without its key"));
        };
        let value = seed.deserialize(NodeDeserializer::new(node));
        value.map_err(|error| error.inside(Step::Key(key.to_owned())))
    }
}
