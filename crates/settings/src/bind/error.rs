//! Why a value can't be read as the type it is meant for.

use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};

use crate::flat::{Path, Step};

/// A refusal and the way to the value that is refused.
///
/// It tells what was expected and never what was found: the value may be a secret.
#[derive(Debug)]
pub(super) struct Refused {
    /// From the value outwards: the steps are put on while the error travels up.
    steps_inside_out: Vec<Step>,
    problem: String,
}

impl Refused {
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Self { steps_inside_out: Vec::new(), problem: problem.into() }
    }

    pub(super) fn must_be(expected: impl Display) -> Self {
        Self::new(format!("must be {expected}"))
    }

    /// The same refusal, as seen from one step further out.
    pub(super) fn under(mut self, step: Step) -> Self {
        self.steps_inside_out.push(step);
        self
    }

    pub(super) fn into_parts(self) -> (Path, String) {
        (Path(self.steps_inside_out.into_iter().rev().collect()), self.problem)
    }
}

impl Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.problem)
    }
}

impl std::error::Error for Refused {}

impl de::Error for Refused {
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
        Self::new(problem).under(Step::Key(field.to_owned()))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new("is missing").under(Step::Key(field.to_owned()))
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
