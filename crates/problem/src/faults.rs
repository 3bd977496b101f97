//! Reading a body and finding every fault of it, not only the first.
//!
//! serde stops at the first fault. So the member at fault is noted and replaced by a stand-in that its type accepts,
//! and the body is read again, until it can be read; then the rules that the type states for itself (garde) are
//! checked. A stand-in never leaves this module: a body with a fault is refused. All of this is only done for a body
//! that could not be read, and is bounded in faults and in size, so that a hostile body buys little work.

use std::borrow::Cow;

use garde::Validate;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::{Code, Fault, Problem};

/// After so many faults a body is not worth more reading.
const MAX_FAULTS: usize = 20;
/// A larger body is told its first fault only.
const MAX_BYTES_FOR_EVERY_FAULT: usize = 64 * 1024;

/// Reads a body that keeps every rule.
pub(crate) fn read<T: DeserializeOwned + Validate<Context = ()>>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would read a struct from an array of its members, too.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        let fault = Fault {
            pointer: String::new(),
            code: "WRONG_TYPE".into(),
            detail: "is not an object".to_owned(),
        };
        return Err(refusal(vec![fault]));
    }
    let first_error = match serde_json::from_slice::<T>(bytes) {
        Ok(value) => {
            let broken = broken_rules(&value);
            return if broken.is_empty() { Ok(value) } else { Err(refusal(broken)) };
        }
        Err(error) => error,
    };
    if !first_error.is_data() {
        return Err(Problem::new(Code::MalformedJson).detail(first_error.to_string()));
    }
    let body: Value = match serde_json::from_slice(bytes) {
        Ok(body) if bytes.len() <= MAX_BYTES_FOR_EVERY_FAULT => body,
        _ => return Err(Problem::new(Code::ValidationFailed).detail(first_error.to_string())),
    };
    let faults = every_fault::<T>(body);
    if faults.is_empty() {
        // A fault that a parsed document no longer shows: the same member twice.
        return Err(Problem::new(Code::ValidationFailed).detail(first_error.to_string()));
    }
    Err(refusal(faults))
}

/// The rules that a readable value breaks.
pub(crate) fn broken_rules<T: Validate<Context = ()>>(value: &T) -> Vec<Fault> {
    let Err(report) = value.validate() else { return Vec::new() };
    report
        .iter()
        .map(|(path, error)| Fault::invalid(pointer_of(&path.to_string()), error.to_string()))
        .collect()
}

fn refusal(faults: Vec<Fault>) -> Problem {
    let detail = match faults.len() {
        1 => "the body has 1 fault".to_owned(),
        several => format!("the body has {several} faults"),
    };
    Problem::new(Code::ValidationFailed).detail(detail).faults(faults)
}

fn every_fault<T: DeserializeOwned + Validate<Context = ()>>(mut body: Value) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    while faults.len() < MAX_FAULTS {
        match try_read::<T>(&body) {
            Ok(value) => {
                for fault in broken_rules(&value) {
                    // A rule over a whole is not judged by parts that are stand-ins.
                    if !faults.iter().any(|known| is_at_or_below(&known.pointer, &fault.pointer)) {
                        note(&mut faults, fault);
                    }
                }
                break;
            }
            Err(found) => {
                let mended = mend::<T>(&mut body, &found);
                note(&mut faults, found.fault);
                if !mended {
                    break;
                }
            }
        }
    }
    faults
}

/// Notes a fault, unless it stands at or below one that is known: that one's stand-in caused it.
fn note(faults: &mut Vec<Fault>, fault: Fault) {
    if !faults.iter().any(|known| is_at_or_below(&fault.pointer, &known.pointer)) {
        faults.push(fault);
    }
}

fn is_at_or_below(pointer: &str, other: &str) -> bool {
    pointer.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A fault that serde found, with what is needed to read past it.
struct Found {
    fault: Fault,
    kind: Kind,
    message: String,
}

#[derive(PartialEq)]
enum Kind {
    Missing,
    Unknown,
    Wrong,
}

fn try_read<T: DeserializeOwned>(body: &Value) -> Result<T, Found> {
    serde_path_to_error::deserialize(body).map_err(|error| {
        let mut pointer = pointer_of_segments(error.path());
        let message = error.inner().to_string();
        let named = quoted(&message);
        let (kind, code, detail): (_, Cow<'static, str>, _) = match (&message, named) {
            (text, Some(name)) if text.starts_with("missing field") => {
                pointer = format!("{pointer}/{}", escaped(name));
                (Kind::Missing, "MISSING".into(), "is missing".to_owned())
            }
            (text, Some(name)) if text.starts_with("unknown field") => {
                let member = format!("/{}", escaped(name));
                if !pointer.ends_with(&member) || body.pointer(&pointer).is_none() {
                    pointer.push_str(&member);
                }
                (Kind::Unknown, "UNKNOWN_FIELD".into(), "is not a member of this body".to_owned())
            }
            (text, _) if text.starts_with("invalid type") || text.starts_with("unknown variant") => {
                (Kind::Wrong, "WRONG_TYPE".into(), message.clone())
            }
            _ => (Kind::Wrong, "INVALID".into(), message.clone()),
        };
        Found { fault: Fault { pointer, code, detail }, kind, message }
    })
}

/// Changes the body so that the fault is gone. False where nothing helped.
fn mend<T: DeserializeOwned>(body: &mut Value, found: &Found) -> bool {
    let Some((parent, member)) = found.fault.pointer.rsplit_once('/') else {
        // The whole body is of the wrong type: read on as if it were empty, to name what it needs.
        let was_object = body.is_object();
        *body = Value::Object(Map::new());
        return !was_object;
    };
    let member = member.replace("~1", "/").replace("~0", "~");
    if found.kind == Kind::Unknown {
        return body
            .pointer_mut(parent)
            .and_then(Value::as_object_mut)
            .is_some_and(|o| o.remove(&member).is_some());
    }
    let mut variant = None;
    if found.message.starts_with("unknown variant") {
        variant = expected_variant(&found.message);
    }
    let mut stand_ins = stand_ins();
    while let Some(stand_in) = variant.take().or_else(|| stand_ins.next()) {
        if !put(body, parent, &member, stand_in) {
            return false;
        }
        match try_read::<T>(body) {
            Err(next) if next.fault.pointer == found.fault.pointer => {
                if next.message.starts_with("unknown variant")
                    && !found.message.starts_with("unknown variant")
                {
                    variant = expected_variant(&next.message).filter(|_| variant.is_none());
                    if let Some(value) = variant.take() {
                        put(body, parent, &member, value);
                        return true;
                    }
                }
            }
            _ => return true,
        }
    }
    false
}

fn put(body: &mut Value, parent: &str, member: &str, value: Value) -> bool {
    match body.pointer_mut(parent) {
        Some(Value::Object(object)) => {
            object.insert(member.to_owned(), value);
            true
        }
        Some(Value::Array(array)) => {
            let slot = member.parse().ok().and_then(|index: usize| array.get_mut(index));
            slot.map(|slot| *slot = value).is_some()
        }
        _ => false,
    }
}

/// One value of each shape that a member of our bodies can have.
fn stand_ins() -> impl Iterator<Item = Value> {
    let uuid_shaped = json!("00000000-0000-0000-0000-000000000000");
    let texts = [json!("2000-01-01"), json!("2000-01-01T00:00:00Z"), json!("https://example.com/")];
    [uuid_shaped, json!(1), json!(false), json!([]), json!({})].into_iter().chain(texts)
}

/// The first name in backticks.
fn quoted(message: &str) -> Option<&str> {
    message.split('`').nth(1)
}

/// The first of the names that serde says it expected.
fn expected_variant(message: &str) -> Option<Value> {
    message.split_once("expected").and_then(|(_, expected)| quoted(expected)).map(Value::from)
}

fn pointer_of_segments(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", escaped(key)),
            Segment::Enum { .. } | Segment::Unknown => String::new(),
        })
        .collect()
}

/// From garde's `options[0].max_price`, in Rust's names, to `/options/0/maxPrice`, in the wire's.
fn pointer_of(path: &str) -> String {
    path.split(['.', '['])
        .map(|segment| segment.trim_end_matches(']'))
        .filter(|segment| !segment.is_empty())
        .map(|segment| format!("/{}", camel_case(segment)))
        .collect()
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut name, word| {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.push_str(letters.as_str());
        name
    })
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, Validate)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Item {
        #[garde(length(chars, min = 1, max = 5))]
        name: String,
        #[garde(skip)]
        category: Category,
        #[garde(range(min = 1))]
        max_price: Option<i64>,
        #[garde(length(min = 1), dive)]
        options: Vec<ItemOption>,
    }

    #[derive(Debug, Deserialize, Validate)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct ItemOption {
        #[garde(range(min = 1))]
        unit_price: i64,
        #[garde(skip)]
        in_stock: bool,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "UPPERCASE")]
    enum Category {
        Cake,
        Tart,
    }

    fn faults_of(body: &str) -> Vec<(String, String)> {
        let problem = read::<Item>(body.as_bytes()).expect_err("it has faults");
        problem.body().errors.iter().map(|fault| (fault.pointer.clone(), fault.code.to_string())).collect()
    }

    fn expected(faults: &[(&str, &str)]) -> Vec<(String, String)> {
        faults.iter().map(|(pointer, code)| ((*pointer).to_owned(), (*code).to_owned())).collect()
    }

    #[test]
    fn every_fault_is_found_at_any_depth() {
        let body = r#"{"name": 5, "role": "ADMIN", "category": "PIZZA", "maxPrice": 0,
            "options": [{"unitPrice": "5", "inStock": true}, {"inStock": 1, "x": 1}, {"unitPrice": -1, "inStock": true}]}"#;
        let mut found = faults_of(body);
        found.sort();
        assert_eq!(
            found,
            expected(&[
                ("/category", "WRONG_TYPE"),
                ("/maxPrice", "INVALID"),
                ("/name", "WRONG_TYPE"),
                ("/options/0/unitPrice", "WRONG_TYPE"),
                ("/options/1/inStock", "WRONG_TYPE"),
                ("/options/1/unitPrice", "MISSING"),
                ("/options/1/x", "UNKNOWN_FIELD"),
                ("/options/2/unitPrice", "INVALID"),
                ("/role", "UNKNOWN_FIELD"),
            ])
        );
    }

    #[test]
    fn an_empty_object_is_told_all_that_is_missing_and_nothing_below_it() {
        let found = faults_of("{}");
        assert_eq!(
            found,
            expected(&[("/name", "MISSING"), ("/category", "MISSING"), ("/options", "MISSING")])
        );
    }

    #[test]
    fn a_rule_is_reported_in_the_names_of_the_wire() {
        let mut found = faults_of(r#"{"name": "", "category": "CAKE", "maxPrice": -1, "options": []}"#);
        found.sort();
        assert_eq!(
            found,
            expected(&[("/maxPrice", "INVALID"), ("/name", "INVALID"), ("/options", "INVALID")])
        );
    }

    #[test]
    fn another_shape_altogether_is_refused() {
        for body in ["[]", "5", "null", "\"x\""] {
            assert_eq!(faults_of(body)[0], (String::new(), "WRONG_TYPE".to_owned()), "{body}");
        }
    }

    #[test]
    fn what_is_not_json_is_told_where_reading_stopped() {
        for body in [&b"{\"name\": "[..], b"", b"{\"name\": \"\xff\"}", b"nonsense"] {
            let problem = read::<Item>(body).expect_err("it is not JSON");
            assert_eq!(problem.code(), Some(Code::MalformedJson));
            assert!(problem.body().detail.as_deref().unwrap_or_default().contains("column"));
        }
    }

    #[test]
    fn the_same_member_twice_is_refused() {
        let body = br#"{"name": "a", "name": "b", "category": "CAKE", "options": [{"unitPrice": 1, "inStock": true}]}"#;
        let problem = read::<Item>(body).expect_err("a member stands twice");
        assert!(problem.body().detail.as_deref().unwrap_or_default().contains("duplicate field"));
    }

    #[test]
    fn hostile_bodies_are_read_only_so_far() {
        let many =
            format!("{{{}}}", (0..1_000).map(|n| format!("\"f{n}\": 1")).collect::<Vec<_>>().join(","));
        assert_eq!(faults_of(&many).len(), MAX_FAULTS);
        let large = format!("{{\"x\": \"{}\"}}", "a".repeat(MAX_BYTES_FOR_EVERY_FAULT));
        let problem = read::<Item>(large.as_bytes()).expect_err("it has a fault");
        assert_eq!((problem.code(), problem.body().errors.len()), (Some(Code::ValidationFailed), 0));
    }

    #[test]
    fn a_good_body_is_read() {
        let body = br#"{"name": "a", "category": "TART", "options": [{"unitPrice": 1, "inStock": true}]}"#;
        assert!(read::<Item>(body).is_ok());
    }
}
