//! Why a value can't be read as its type.

use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};

use crate::flat::{Path, Step};

/// A fault and the path to its value.
///
/// It says what was expected and never what was found, because the value may be a secret.
#[derive(Debug)]
pub(super) struct BindError {
    /// The steps of the path, the innermost first: each level adds its own.
    steps: Vec<Step>,
    problem: String,
    /// The keys that are known where an unknown one was found.
    known: Option<&'static [&'static str]>,
}

impl BindError {
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Self { steps: Vec::new(), problem: problem.into(), known: None }
    }

    pub(super) fn must_be(expected: impl Display) -> Self {
        Self::new(format!("must be {expected}"))
    }

    /// The same fault, seen from the value that contains `step`.
    pub(super) fn inside(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// A key at the top that is not known, and those that are.
    pub(super) fn unknown_key(self) -> Option<(String, &'static [&'static str])> {
        match (&self.steps[..], self.known) {
            ([Step::Key(key)], Some(known)) => Some((key.clone(), known)),
            _ => None,
        }
    }

    pub(super) fn into_parts(self) -> (Path, String) {
        (Path(self.steps.into_iter().rev().collect()), self.problem)
    }
}

impl Display for BindError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.problem)
    }
}

impl std::error::Error for BindError {}

impl de::Error for BindError {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::must_be(expected)
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::must_be(expected)
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::must_be(one_of(expected))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let problem = match expected {
            [] => "is not a known setting; none is expected here".to_owned(),
            _ => format!("is not a known setting; expected {}", one_of(expected)),
        };
        let error = Self::new(problem).inside(Step::Key(field.to_owned()));
        Self { known: Some(expected), ..error }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new("is missing").inside(Step::Key(field.to_owned()))
    }
}

fn one_of(names: &[&str]) -> String {
    match names {
        [only] => format!("`{only}`"),
        names => {
            let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            format!("one of {}", quoted.join(", "))
        }
    }
}
