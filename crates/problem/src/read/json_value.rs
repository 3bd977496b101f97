//! A parsed JSON document as a source of serde's data, whose errors are [`ReadError`]s.
//!
//! It is stricter than `serde_json::Value`, so that a body is read only in the shape that is documented: a struct from an
//! object and not from an array of its members, an enum from its name and not from `{"NAME": null}`, a text from a text. Its
//! errors are data, where those of `serde_json` tell what is wrong in a text only.
//!
//! A number without a fraction is whole however it is written (`1000.0`, `1e3`), as in JSON Schema.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, Expected, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_json::{Value, map};

use super::error::ReadError;

/// From here on, a number in floating point may be read as the whole number beside the one that was written: `serde_json` is
/// wrong by a part in 2^52 at most.
const LEAST_INEXACT: f64 = 1e15;

/// Reads one value.
#[derive(Clone, Copy)]
pub(crate) struct JsonValue<'de>(pub(crate) &'de Value);

impl<'de> JsonValue<'de> {
    fn visit_whole_number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Value::Number(number) = self.0 else { return Err(self.is_not(&visitor)) };
        match number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0) {
            None => self.deserialize_any(visitor),
            Some(float) if float.abs() < LEAST_INEXACT => {
                let digits = format!("{float:.0}");
                visitor.visit_i64(digits.parse().map_err(ReadError::custom)?)
            }
            Some(float) => Err(ReadError::invalid_value(Unexpected::Float(float), &visitor)),
        }
    }

    fn is_not(self, expected: &dyn Expected) -> ReadError {
        ReadError::invalid_type(unexpected(self.0), expected)
    }
}

/// Methods that read only values of some variants of [`Value`].
macro_rules! deserialize_only {
    ($($variant:pat => $($method:ident)+;)+) => {$($(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            if matches!(self.0, $variant) { self.deserialize_any(visitor) } else { Err(self.is_not(&visitor)) }
        }
    )+)+};
}

macro_rules! deserialize_whole_number {
    ($($method:ident)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            self.visit_whole_number(visitor)
        }
    )+};
}

impl<'de> Deserializer<'de> for JsonValue<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), _, _) => visitor.visit_u64(number),
                (_, Some(number), _) => visitor.visit_i64(number),
                (_, _, Some(number)) => visitor.visit_f64(number),
                _ => Err(ReadError::custom("the number is out of range")),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => {
                let mut items = Items { items: items.iter(), next: 0 };
                let value = visitor.visit_seq(&mut items)?;
                match items.items.len() {
                    0 => Ok(value),
                    more => Err(ReadError::invalid_length(items.next + more, &"fewer items")),
                }
            }
            Value::Object(members) => visitor.visit_map(Members::of(members)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(BorrowedStrDeserializer::new(name)),
            _ => Err(self.is_not(&"a string")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0 {
            Value::Object(members) => visitor.visit_map(Members::of(members)),
            _ => Err(self.is_not(&"an object")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_map(visitor)
    }

    deserialize_whole_number! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    deserialize_only! {
        Value::Null => deserialize_unit;
        Value::Bool(_) => deserialize_bool;
        Value::Number(_) => deserialize_f32 deserialize_f64;
        Value::String(_) => deserialize_char deserialize_str deserialize_string deserialize_identifier;
        Value::Array(_) => deserialize_seq;
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { bytes byte_buf unit_struct tuple tuple_struct }
}

fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(value) => Unexpected::Bool(*value),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Unexpected::Unsigned(number),
            (_, Some(number)) => Unexpected::Signed(number),
            _ => Unexpected::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Unexpected::Str(text),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    }
}

struct Items<'de> {
    items: std::slice::Iter<'de, Value>,
    next: usize,
}

impl<'de> SeqAccess<'de> for &mut Items<'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let index = self.next;
        self.next += 1;
        seed.deserialize(JsonValue(item)).map(Some).map_err(|error| error.inside(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Members<'de> {
    members: map::Iter<'de>,
    value: Option<(&'de str, &'de Value)>,
}

impl<'de> Members<'de> {
    fn of(members: &'de map::Map<String, Value>) -> Self {
        Self { members: members.iter(), value: None }
    }
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        let Some((name, value)) = self.members.next() else { return Ok(None) };
        self.value = Some((name, value));
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let (name, value) = self.value.take().ok_or_else(|| ReadError::custom("a value before its key"))?;
        seed.deserialize(JsonValue(value)).map_err(|error| error.inside(name))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.members.len())
    }
}
