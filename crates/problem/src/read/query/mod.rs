//! Reading a query string and finding every fault of it.

use std::borrow::Cow;

use garde::Validate;
use percent_encoding::percent_decode;
use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::error::{Kind, ReadError};
use super::rules::broken_rules;
use crate::{Code, Fault, Problem};

/// After this many faults, reading stops.
const MAX_FAULTS: usize = 20;

/// The parameters of a query string.
///
/// Some are [taken](Self::take) one by one, as those that every list has. The others are [read](Self::read) into a type
/// with a field for each. Faults are noted on the way, and `read` reports all of them at once:
///
/// * a parameter that is not UTF-8, or has a `%` that encodes nothing,
/// * a parameter that stands more than once,
/// * a parameter that there is no field for,
/// * a value that is not of its field's type, or breaks one of its rules.
///
/// ```
/// #[derive(serde::Deserialize, garde::Validate)]
/// #[serde(rename_all = "camelCase")]
/// struct Filter {
///     #[garde(range(min = 0))]
///     min_price: Option<i64>,
/// }
///
/// let mut parameters = problem::Parameters::parse("minPrice=-1&page=x&color=red");
/// assert_eq!(parameters.take::<u32>("page"), None);
/// let problem = parameters.read::<Filter>().err().expect("it has three faults");
/// let pointers: Vec<&str> = problem.body().errors.iter().map(|fault| fault.pointer.as_str()).collect();
/// assert_eq!(pointers, ["/page", "/color", "/minPrice"]);
/// ```
#[derive(Debug)]
pub struct Parameters {
    pairs: Vec<(String, String)>,
    faults: Vec<Fault>,
}

impl Parameters {
    /// Takes a query string apart, without the `?`. A `+` is a space, as in forms.
    pub fn parse(query: &str) -> Self {
        let mut parameters = Self { pairs: Vec::new(), faults: Vec::new() };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, name_fault) = decoded(name);
            let (value, value_fault) = decoded(value);
            if let Some(fault) = name_fault.or(value_fault) {
                parameters.note(Fault::invalid(pointer(&name), fault));
            } else if parameters.pairs.iter().any(|(known, _)| *known == name) {
                parameters.note(Fault::invalid(pointer(&name), "stands more than once"));
            } else {
                parameters.pairs.push((name, value));
            }
        }
        parameters
    }

    /// Takes the parameter of this name out and reads it. `None` if it is not there, and if it has a fault, which is
    /// noted.
    pub fn take<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let position = self.pairs.iter().position(|(known, _)| known == name)?;
        let (_, value) = self.pairs.remove(position);
        match T::deserialize(Text(&value)) {
            Ok(value) => Some(value),
            Err(error) => {
                self.note(error.inside(name).fault());
                None
            }
        }
    }

    /// Reads all that were not taken, or answers with every fault that was found by then.
    pub fn read<T: DeserializeOwned + Validate<Context = ()>>(mut self) -> Result<T, Problem> {
        while self.faults.len() < MAX_FAULTS {
            match T::deserialize(Pairs(&self.pairs)) {
                Ok(value) => {
                    for broken in broken_rules(&value) {
                        self.note(broken);
                    }
                    if self.faults.is_empty() {
                        return Ok(value);
                    }
                    break;
                }
                Err(error) => {
                    self.note(parameter_fault(&error));
                    if !self.remove(error.outermost_step()) {
                        break;
                    }
                }
            }
        }
        Err(self.refusal())
    }

    /// Notes the first fault of a parameter.
    fn note(&mut self, fault: Fault) {
        if self.faults.iter().all(|known| known.pointer != fault.pointer) {
            self.faults.push(fault);
        }
    }

    /// Removes a parameter with a fault, so that the others can be read. False if there is none with that name.
    fn remove(&mut self, name: Option<&str>) -> bool {
        let before = self.pairs.len();
        self.pairs.retain(|(known, _)| Some(known.as_str()) != name);
        self.pairs.len() < before
    }

    fn refusal(self) -> Problem {
        let detail = match self.faults.as_slice() {
            [fault] => format!("{}: {}", fault.pointer.trim_start_matches('/'), fault.detail),
            faults => format!("{} parameters of the query have a fault", faults.len()),
        };
        Problem::new(Code::InvalidParameter).detail(detail).faults(self.faults)
    }
}

fn parameter_fault(error: &ReadError) -> Fault {
    let fault = error.fault();
    match error.kind() {
        Kind::UnknownField => Fault { detail: "is not a parameter of this operation".to_owned(), ..fault },
        _ => fault,
    }
}

fn pointer(name: &str) -> String {
    ReadError::custom("").inside(name).pointer()
}

/// The text that was percent-encoded, and what is wrong with it. Bytes that are no text are replaced.
fn decoded(encoded: &str) -> (String, Option<&'static str>) {
    let spaced = encoded.replace('+', " ");
    let bytes: Cow<'_, [u8]> = percent_decode(spaced.as_bytes()).into();
    let is_hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let mut escapes = spaced.split('%').skip(1).map(str::as_bytes);
    let fault = match std::str::from_utf8(&bytes) {
        Err(_) => Some("is not UTF-8"),
        Ok(_) if escapes.any(|digits| !(is_hex(digits.first()) && is_hex(digits.get(1)))) => {
            Some("has a `%` without two hexadecimal digits")
        }
        Ok(_) => None,
    };
    (String::from_utf8_lossy(&bytes).into_owned(), fault)
}

/// All parameters, as the members of a struct.
struct Pairs<'de>(&'de [(String, String)]);

impl<'de> Pairs<'de> {
    fn visit<V: Visitor<'de>>(
        self,
        fields: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_map(PairAccess { pairs: self.0.iter(), fields, current: None })
    }
}

impl<'de> Deserializer<'de> for Pairs<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.visit(None, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.visit(Some(fields), visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct PairAccess<'de> {
    pairs: std::slice::Iter<'de, (String, String)>,
    /// The fields of the struct that is read. A parameter without one is refused, whether or not the struct itself denies
    /// unknown fields.
    fields: Option<&'static [&'static str]>,
    current: Option<&'de (String, String)>,
}

impl<'de> MapAccess<'de> for PairAccess<'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        let Some(pair) = self.pairs.next() else { return Ok(None) };
        let name = pair.0.as_str();
        if let Some(fields) = self.fields.filter(|fields| !fields.contains(&name)) {
            return Err(ReadError::unknown_field(name, fields));
        }
        self.current = Some(pair);
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let (name, value) =
            self.current.take().ok_or_else(|| ReadError::custom("a value before its name"))?;
        seed.deserialize(Text(value)).map_err(|error| error.inside(name))
    }
}

/// One value, which may be the text of a number or a boolean.
struct Text<'de>(&'de str);

macro_rules! deserialize_whole_number {
    ($($method:ident $visit:ident $number:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            let (min, max) = (<$number>::MIN, <$number>::MAX);
            // Rust's parser would also take a plus sign.
            match self.0.parse::<$number>() {
                Ok(number) if !self.0.starts_with('+') => visitor.$visit(number),
                _ => {
                    Err(ReadError::wrong_type(format_args!("is not a whole number from {min} to {max}")))
                }
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0.parse() {
            Ok(value) => visitor.visit_bool(value),
            Err(_) => Err(ReadError::wrong_type("is neither `true` nor `false`")),
        }
    }

    deserialize_whole_number!(
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64
    );

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
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
        visitor.visit_enum(BorrowedStrDeserializer::new(self.0))
    }

    serde::forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

#[cfg(test)]
mod tests;
