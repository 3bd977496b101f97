//! Reading a JSON body and finding every fault of it.
//!
//! serde stops at the first fault. So the faulty member is noted and replaced by a placeholder that its type accepts, and the
//! body is read again, until it can be read. Then the rules of the type (garde) are checked. A placeholder never leaves this
//! module, because a body with a fault is refused. All of this happens only for a body that could not be read. Limits on faults
//! and size keep the cost of a hostile body low.

use garde::Validate;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::document::{self, Document};
use super::error::{Kind, ReadError};
use super::json_value::JsonValue;
use super::rules::broken_rules;
use crate::{Code, Fault, Problem};

/// After this many faults, reading stops.
const MAX_FAULTS: usize = 20;
/// Of a larger body, only the first fault is reported.
const MAX_BYTES_FOR_EVERY_FAULT: usize = 64 * 1024;
/// How often a body is read again at most. A placeholder may cause a fault too.
const MAX_READINGS: usize = 5 * MAX_FAULTS;

/// Reads a body that keeps every rule.
pub(crate) fn read<T: DeserializeOwned + Validate<Context = ()>>(bytes: &[u8]) -> Result<T, Problem> {
    let Document { value: body, repeated } = document::parse(bytes, MAX_FAULTS)?;
    let first_fault = match try_read::<T>(&body) {
        Ok(value) => {
            let mut faults = repeated;
            faults.extend(broken_rules(&value));
            return if faults.is_empty() { Ok(value) } else { Err(refusal(faults)) };
        }
        Err(error) => error.fault(),
    };
    let faults = if bytes.len() > MAX_BYTES_FOR_EVERY_FAULT {
        vec![first_fault]
    } else {
        every_fault::<T>(body, repeated)
    };
    Err(refusal(faults))
}

fn refusal(faults: Vec<Fault>) -> Problem {
    let detail = match faults.len() {
        1 => "the body has 1 fault".to_owned(),
        several => format!("the body has {several} faults"),
    };
    Problem::new(Code::ValidationFailed).detail(detail).faults(faults)
}

/// Adds to the faults that are known already.
fn every_fault<T: DeserializeOwned + Validate<Context = ()>>(
    mut body: Value,
    mut faults: Vec<Fault>,
) -> Vec<Fault> {
    for _ in 0..MAX_READINGS {
        if faults.len() >= MAX_FAULTS {
            break;
        }
        match try_read::<T>(&body) {
            Ok(value) => {
                for fault in broken_rules(&value) {
                    // A value that contains stand-ins may break a rule because of them.
                    if !faults.iter().any(|known| is_at_or_below(&known.pointer, &fault.pointer)) {
                        note(&mut faults, fault);
                    }
                }
                break;
            }
            Err(found) => {
                let is_replaced = replace_member::<T>(&mut body, &found);
                note(&mut faults, found.fault());
                if !is_replaced {
                    break;
                }
            }
        }
    }
    faults
}

/// Notes a fault, unless it is at or below a known one: then the placeholder of that one has caused it.
fn note(faults: &mut Vec<Fault>, fault: Fault) {
    if !faults.iter().any(|known| is_at_or_below(&fault.pointer, &known.pointer)) {
        faults.push(fault);
    }
}

fn is_at_or_below(pointer: &str, other: &str) -> bool {
    pointer.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn try_read<T: DeserializeOwned>(body: &Value) -> Result<T, ReadError> {
    T::deserialize(JsonValue(body))
}

/// Replaces or removes the faulty member. Returns false if the fault is still there.
fn replace_member<T: DeserializeOwned>(body: &mut Value, found: &ReadError) -> bool {
    let pointer = found.pointer();
    let Some((parent, member)) = pointer.rsplit_once('/') else {
        // The whole body is of the wrong type: read on as if it were empty, to name what it needs.
        let was_object = body.is_object();
        *body = Value::Object(Map::new());
        return !was_object;
    };
    let member = member.replace("~1", "/").replace("~0", "~");
    if *found.kind() == Kind::UnknownField {
        return body
            .pointer_mut(parent)
            .and_then(Value::as_object_mut)
            .is_some_and(|object| object.remove(&member).is_some());
    }
    let allowed = allowed_variant(found).into_iter();
    for stand_in in allowed.chain(stand_ins()) {
        if !put(body, parent, &member, stand_in) {
            return false;
        }
        match try_read::<T>(body) {
            Err(next) if next.pointer() == pointer => {
                // The member takes a text, and the new error says which texts are allowed.
                if *found.kind() != *next.kind()
                    && let Some(variant) = allowed_variant(&next)
                {
                    return put(body, parent, &member, variant);
                }
            }
            _ => return true,
        }
    }
    false
}

fn allowed_variant(error: &ReadError) -> Option<Value> {
    match error.kind() {
        Kind::UnknownVariant { allowed } => allowed.map(Value::from),
        _ => None,
    }
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
    fn another_shape_of_a_part_is_refused() {
        let body = |options: &str, category: &str| {
            format!(r#"{{"name": "a", "category": {category}, "options": {options}}}"#)
        };
        let option = r#"{"unitPrice": 1, "inStock": true}"#;
        for (options, category, pointer) in [
            ("[[1, true]]".to_owned(), r#""CAKE""#, "/options/0"),
            (option.to_owned(), r#""CAKE""#, "/options"),
            (format!("[{option}]"), r#"{"CAKE": null}"#, "/category"),
            (format!("[{option}]"), r#"{"CAKE": []}"#, "/category"),
            (format!("[{option}]"), r#"["CAKE"]"#, "/category"),
            (format!("[{option}]"), "0", "/category"),
            (r#"[{"unitPrice": true, "inStock": true}]"#.to_owned(), r#""CAKE""#, "/options/0/unitPrice"),
        ] {
            let found = faults_of(&body(&options, category));
            assert_eq!(found, expected(&[(pointer, "WRONG_TYPE")]), "{options} {category}");
        }
    }

    #[test]
    fn a_number_without_a_fraction_is_whole_however_it_is_written() {
        let read = |price: &str| {
            let body = format!(
                r#"{{"name": "a", "category": "CAKE", "options": [{{"unitPrice": {price}, "inStock": true}}]}}"#
            );
            read::<Item>(body.as_bytes()).map(|item| item.options[0].unit_price)
        };
        for (price, number) in
            [("1000", 1000), ("1000.0", 1000), ("1e3", 1000), ("999999999999999.0", 999_999_999_999_999)]
        {
            assert_eq!(read(price).ok(), Some(number), "{price}");
        }
        for (price, code) in [
            ("1000.5", "WRONG_TYPE"),
            ("1e-3", "WRONG_TYPE"),
            ("1000000000000000.0", "INVALID"),
            ("1e300", "INVALID"),
            ("1e400", "INVALID"),
            ("9223372036854775808", "INVALID"),
            ("99999999999999999999", "INVALID"),
            ("-0.0", "INVALID"),
        ] {
            let problem = read(price).expect_err("it is no number of won");
            assert_eq!(problem.body().errors[0].code, code, "{price}");
            assert_eq!(problem.body().errors[0].pointer, "/options/0/unitPrice", "{price}");
        }
    }

    #[test]
    fn a_body_that_is_not_json_is_refused_with_the_place() {
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
        let [fault] = &*problem.body().errors else { panic!("it is one fault: {:?}", problem.body().errors) };
        assert_eq!(
            (&*fault.pointer, &*fault.code, &*fault.detail),
            ("/name", "INVALID", "stands more than once")
        );
        let body = br#"{"name": "a", "category": "PIZZA", "options": [{"unitPrice": 1, "unitPrice": 1, "inStock": 1}]}"#;
        let faults = faults_of(std::str::from_utf8(body).unwrap());
        let pointers: Vec<&str> = faults.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/options/0/unitPrice", "/category", "/options/0/inStock"]);
    }

    #[test]
    fn hostile_bodies_are_read_only_so_far() {
        let many =
            format!("{{{}}}", (0..1_000).map(|n| format!("\"f{n}\": 1")).collect::<Vec<_>>().join(","));
        assert_eq!(faults_of(&many).len(), MAX_FAULTS);
        let large = format!("{{\"x\": \"{}\"}}", "a".repeat(MAX_BYTES_FOR_EVERY_FAULT));
        let problem = read::<Item>(large.as_bytes()).expect_err("it has a fault");
        assert_eq!((problem.code(), problem.body().errors.len()), (Some(Code::ValidationFailed), 1));
    }

    #[test]
    fn a_good_body_is_read() {
        let body = br#"{"name": "a", "category": "TART", "options": [{"unitPrice": 1, "inStock": true}]}"#;
        assert!(read::<Item>(body).is_ok());
    }
}
