//! Parsing a JSON text, and noting what a parsed document no longer shows: members that stand twice.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::error::escaped;
use crate::{Code, Fault, Problem};

/// A parsed body.
pub(super) struct Document {
    /// Of a member that stands twice, it has the first.
    pub(super) value: Value,
    /// The members that stand more than once.
    pub(super) repeated: Vec<Fault>,
}

/// Parses a body. What is no JSON is a problem, and so is JSON that this process can't hold: a number that no machine number is
/// near, a text with half a character, nesting without end.
pub(super) fn parse(bytes: &[u8], max_faults: usize) -> Result<Document, Problem> {
    let notes = Notes { repeated: RefCell::default(), max_faults, stopped_at: RefCell::default() };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let root = Node { place: &Place::Root, notes: &notes };
    match root.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value)) {
        Ok(value) => Ok(Document { value, repeated: notes.repeated.into_inner() }),
        Err(error) if is_json(bytes) => {
            let pointer = notes.stopped_at.into_inner().unwrap_or_default();
            let fault = Fault::invalid(pointer, error.to_string());
            Err(Problem::new(Code::ValidationFailed).detail("the body has 1 fault").fault(fault))
        }
        Err(error) => Err(Problem::new(Code::MalformedJson).detail(error.to_string())),
    }
}

/// Whether a text keeps the grammar of JSON. This reads without recursion and holds no value.
fn is_json(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok() && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

/// What is found on the way.
struct Notes {
    repeated: RefCell<Vec<Fault>>,
    max_faults: usize,
    /// The innermost value that could not be read.
    stopped_at: RefCell<Option<String>>,
}

/// Where a value is. The way is only written out for a fault.
enum Place<'a> {
    Root,
    Item(&'a Place<'a>, usize),
    Member(&'a Place<'a>, &'a str),
}

impl Place<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Item(parent, index) => format!("{}/{index}", parent.pointer()),
            Self::Member(parent, name) => format!("{}/{}", parent.pointer(), escaped(name)),
        }
    }
}

/// Reads one value.
#[derive(Clone, Copy)]
struct Node<'a> {
    place: &'a Place<'a>,
    notes: &'a Notes,
}

impl Node<'_> {
    fn noting_where<T, E>(self, read: Result<T, E>) -> Result<T, E> {
        if read.is_err() {
            self.notes.stopped_at.borrow_mut().get_or_insert_with(|| self.place.pointer());
        }
        read
    }

    fn note_repeated(self) {
        let mut repeated = self.notes.repeated.borrow_mut();
        if repeated.len() < self.notes.max_faults {
            let fault = Fault::invalid(self.place.pointer(), "stands more than once");
            if !repeated.contains(&fault) {
                repeated.push(fault);
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.noting_where(deserializer.deserialize_any(self))
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("the number is out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        loop {
            let place = Place::Item(self.place, array.len());
            match items.next_element_seed(Node { place: &place, ..self })? {
                Some(item) => array.push(item),
                None => return Ok(Value::Array(array)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let member = Node { place: &Place::Member(self.place, &name), ..self };
            let value = members.next_value_seed(member)?;
            if object.contains_key(&name) {
                member.note_repeated();
            } else {
                object.insert(name, value);
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn fault_of(body: &str) -> (Option<Code>, Vec<String>) {
        let problem = parse(body.as_bytes(), 20).err().expect("it can't be held");
        let pointers = problem.body().errors.iter().map(|fault| fault.pointer.clone());
        (problem.code(), pointers.collect())
    }

    #[test]
    fn a_member_that_stands_twice_is_named_with_its_place() {
        let body = r#"{"a": [{"b/c": 1, "b\/c": 2, "b/c": 3}], "d": 1, "d": {"e": 1, "e": 2}}"#;
        let document = parse(body.as_bytes(), 20).unwrap_or_else(|problem| panic!("{problem}"));
        assert_eq!(document.value, json!({"a": [{"b/c": 1}], "d": 1}), "the first is kept");
        let pointers: Vec<&str> = document.repeated.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/a/0/b~1c", "/d/e", "/d"]);
    }

    #[test]
    fn json_that_can_not_be_held_is_a_fault_with_its_place() {
        for (value, place) in [("1e400", "/a/1"), ("-1e999", "/a/1"), (r#""\ud800""#, "/a/1")] {
            let found = fault_of(&format!(r#"{{"a": [0, {value}]}}"#));
            assert_eq!(found, (Some(Code::ValidationFailed), vec![place.to_owned()]), "{value}");
        }
        assert_eq!(
            fault_of(r#"{"a": {"\udc00": 1}}"#),
            (Some(Code::ValidationFailed), vec!["/a".to_owned()])
        );
    }

    #[test]
    fn nesting_without_end_is_refused_without_a_deep_stack() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let deep = format!("{}0{}", open.repeat(100_000), close.repeat(100_000));
            assert_eq!(fault_of(&deep).0, Some(Code::ValidationFailed));
            assert_eq!(fault_of(&open.repeat(100_000)).0, Some(Code::MalformedJson));
        }
        let deep_enough = format!("{}{}", "[".repeat(100), "]".repeat(100));
        assert!(parse(deep_enough.as_bytes(), 20).is_ok());
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read_as_serde_json_reads_it(body in r#"[\[\]{}:,"ab0-9.e\\u\- ]{0,40}"#) {
            let parsed = parse(body.as_bytes(), 20);
            match serde_json::from_str::<Value>(&body) {
                Err(_) => prop_assert!(parsed.is_err()),
                Ok(value) => {
                    let document = parsed.map_err(|problem| TestCaseError::fail(problem.to_string()))?;
                    if document.repeated.is_empty() {
                        prop_assert_eq!(document.value, value);
                    }
                }
            }
        }
    }
}
