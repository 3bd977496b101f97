//! The rules that a type states for itself, by garde.

use garde::Validate;

use crate::Fault;

/// The rules that a readable value breaks.
pub(crate) fn broken_rules<T: Validate<Context = ()>>(value: &T) -> Vec<Fault> {
    let Err(report) = value.validate() else { return Vec::new() };
    report
        .iter()
        .map(|(path, error)| Fault::invalid(pointer_of(&path.to_string()), error.to_string()))
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
