//! Rules: how flat keys become maps and lists in a rendering. They are those of Spring.

use indexmap::IndexMap;
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::format::Scalar;

/// The maximum length of a list. A key like `a[1000000000]` must not create a list of that length.
const INDEX_MAX: usize = 10_000;

/// A value in a nested rendering.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Nested {
    /// An item of a list that no key sets.
    Null,
    Value(Scalar),
    List(Vec<Nested>),
    Map(Map),
}

pub(super) type Map = IndexMap<String, Nested>;

/// Why keys can't be nested.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum NestingError {
    #[error("`{0}` has an empty part, or no whole number between its brackets")]
    Key(String),
    #[error("`{0}` is set as a list and as something else")]
    Conflict(String),
    #[error("`{0}` has an index above {INDEX_MAX}")]
    Index(String),
}

/// Puts flat keys into maps and lists. A map beside a value of the same key becomes keys with dots.
pub(super) fn nest<'entry>(
    entries: impl IntoIterator<Item = (&'entry str, &'entry Scalar)>,
) -> Result<Map, NestingError> {
    let mut root = Map::new();
    for (key, value) in entries {
        let mut path = Path { key, position: None, next: Step::Map, prefix: String::new() };
        path.set_in_map(&mut root, value)?;
    }
    Ok(root)
}

/// What follows the part of the key that was read last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Value,
    Map,
    List,
}

/// A key that is read part by part.
struct Path<'key> {
    key: &'key str,
    /// The place of the dot or bracket that was read last.
    position: Option<usize>,
    next: Step,
    /// The parts that found a value in place of a map.
    prefix: String,
}

impl Path<'_> {
    fn set_in_map(&mut self, map: &mut Map, value: &Scalar) -> Result<(), NestingError> {
        let part = self.read_part()?;
        match self.next {
            Step::Value => {
                map.insert(format!("{}{part}", self.prefix), Nested::Value(value.clone()));
                Ok(())
            }
            Step::Map => match map.get_mut(&part) {
                Some(Nested::Map(inner)) => self.set_in_map(inner, value),
                Some(_) => {
                    self.prefix = format!("{part}.");
                    self.set_in_map(map, value)
                }
                None => {
                    let Nested::Map(inner) = map.entry(part).or_insert_with(|| Nested::Map(Map::new()))
                    else {
                        return Err(self.conflict());
                    };
                    self.set_in_map(inner, value)
                }
            },
            Step::List => match map.entry(part).or_insert_with(|| Nested::List(Vec::new())) {
                Nested::List(list) => self.set_in_list(list, value),
                _ => Err(self.conflict()),
            },
        }
    }

    fn set_in_list(&mut self, list: &mut Vec<Nested>, value: &Scalar) -> Result<(), NestingError> {
        let index = self.read_index()?;
        if list.len() <= index {
            list.resize(index + 1, Nested::Null);
        }
        let place = &mut list[index];
        match (self.next, &mut *place) {
            (Step::Value, _) => {
                *place = Nested::Value(value.clone());
                Ok(())
            }
            (Step::Map, Nested::Null) => {
                let mut map = Map::new();
                self.set_in_map(&mut map, value)?;
                *place = Nested::Map(map);
                Ok(())
            }
            (Step::Map, Nested::Map(map)) => self.set_in_map(map, value),
            (Step::List, Nested::Null) => {
                let mut inner = Vec::new();
                self.set_in_list(&mut inner, value)?;
                *place = Nested::List(inner);
                Ok(())
            }
            (Step::List, Nested::List(inner)) => self.set_in_list(inner, value),
            _ => Err(self.conflict()),
        }
    }

    /// Reads up to the next dot, or to the next bracket with a whole number.
    fn read_part(&mut self) -> Result<String, NestingError> {
        let start = self.position.map_or(0, |position| position + 1);
        let mut bracket = None;
        let mut end = None;
        for (offset, char) in self.key[start.min(self.key.len())..].char_indices() {
            let place = start + offset;
            match char {
                '.' => {
                    self.next = Step::Map;
                    end = Some(place);
                }
                '[' => bracket = Some(place),
                ']' => {
                    let open = bracket.unwrap_or(place);
                    let inside = self.key.get(open + 1..place).unwrap_or_default();
                    if inside.parse::<i32>().is_ok() {
                        self.next = Step::List;
                        end = Some(open);
                    }
                }
                _ => {}
            }
            if end.is_some() {
                break;
            }
        }
        match end {
            Some(end) if end == start => Err(NestingError::Key(self.key.to_owned())),
            Some(end) => {
                self.position = Some(end);
                Ok(self.key[start..end].to_owned())
            }
            None => {
                self.position = Some(self.key.len());
                self.next = Step::Value;
                Ok(self.key.get(start..).unwrap_or_default().to_owned())
            }
        }
    }

    /// Reads the number between brackets.
    fn read_index(&mut self) -> Result<usize, NestingError> {
        let malformed = || NestingError::Key(self.key.to_owned());
        let start = self.position.map_or(0, |position| position + 1);
        let (digits, rest) = self.key[start..].split_once(']').ok_or_else(malformed)?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed());
        }
        let next = match rest.chars().next() {
            None => Step::Value,
            Some('.') => Step::Map,
            Some('[') => Step::List,
            Some(_) => return Err(malformed()),
        };
        let index = digits.parse().ok().filter(|index| *index <= INDEX_MAX);
        let index = index.ok_or_else(|| NestingError::Index(self.key.to_owned()))?;
        self.next = next;
        self.position = Some(start + digits.len() + 1);
        Ok(index)
    }

    fn conflict(&self) -> NestingError {
        NestingError::Conflict(self.key.to_owned())
    }
}

impl Serialize for Nested {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Value(value) => value.serialize(serializer),
            Self::List(list) => list.serialize(serializer),
            Self::Map(map) => map.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(keys: &[&str]) -> Result<String, NestingError> {
        let values: Vec<Scalar> = (0..keys.len()).map(|index| Scalar::Text(index.to_string())).collect();
        let map = nest(keys.iter().copied().zip(&values))?;
        Ok(serde_json::to_string(&map).unwrap().replace('"', ""))
    }

    #[test]
    fn keys_become_maps_and_lists() {
        assert_eq!(
            nested(&["a.b", "a.c", "l[1].x", "m[0][1]"]).unwrap(),
            "{a:{b:0,c:1},l:[null,{x:2}],m:[[null,3]]}"
        );
        assert_eq!(nested(&["a[x]", "a[x.y]", "b[z]c"]).unwrap(), "{a[x]:0,a[x:{y]:1},b[z]c:2}");
        assert_eq!(nested(&["", "d."]).unwrap(), "{:0,d:{:1}}");
    }

    #[test]
    fn a_value_beside_a_map_keeps_both() {
        assert_eq!(nested(&["a", "a.b"]).unwrap(), "{a:0,a.b:1}");
        assert_eq!(nested(&["a.b", "a"]).unwrap(), "{a:1}");
    }

    #[test]
    fn keys_that_do_not_fit_are_refused() {
        for keys in [&["a..b"][..], &[".c"], &["[0]"], &["a[0]b"], &["a[-1]"]] {
            assert!(matches!(nested(keys), Err(NestingError::Key(_))), "{keys:?}");
        }
        assert!(matches!(nested(&["a", "a[0]"]), Err(NestingError::Conflict(_))));
        assert!(matches!(nested(&["a[0]", "a[0].b"]), Err(NestingError::Conflict(_))));
        assert!(matches!(nested(&["a[1000000000]"]), Err(NestingError::Index(_))));
    }
}
