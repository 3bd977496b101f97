//! The rules of garde for a value.

use anyhow::{bail, ensure};
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Token};

use super::attributes::{arguments, name};
use super::kinds::Kind;
use super::values::{Scope, Value};

/// The rules of a field.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Whether the rules of the section in it are checked as well.
    pub(super) dive: bool,
    /// Whether there are rules.
    pub(super) any: bool,
    range: Option<Bounds>,
    length: Option<(&'static str, Bounds)>,
    phrases: Vec<String>,
    each: Option<Box<Rules>>,
}

#[derive(Debug, Default)]
struct Bounds {
    min: Option<Value>,
    max: Option<Value>,
}

impl Rules {
    pub(super) fn of(scope: &Scope<'_>, attributes: &[Attribute]) -> anyhow::Result<Self> {
        Self::read(scope, &arguments(attributes, "garde")?)
    }

    fn read(scope: &Scope<'_>, attributes: &[Meta]) -> anyhow::Result<Self> {
        let mut rules = Self::default();
        for rule in attributes {
            let parts = parts(rule)?;
            rules.any |= name(rule) != "skip";
            match name(rule).as_str() {
                // The documentation of the field says what a function of ours checks.
                "skip" | "custom" => {}
                "dive" => rules.dive = true,
                "range" => rules.range = Some(Bounds::read(scope, &parts)?),
                "length" => rules.length = Some((unit(&parts)?, Bounds::read(scope, &parts)?)),
                "prefix" => rules.phrases.push(format!("beginning with `{}`", literal(rule)?)),
                "suffix" => rules.phrases.push(format!("ending with `{}`", literal(rule)?)),
                "pattern" => rules.phrases.push(format!("matching `{}`", literal(rule)?)),
                "ascii" => rules.phrases.push("ASCII only".to_owned()),
                "inner" => {
                    let each = Self::read(scope, &parts)?;
                    rules.dive |= each.dive;
                    rules.each = Some(Box::new(each));
                }
                other => bail!("garde({other}) is not understood"),
            }
        }
        Ok(rules)
    }

    /// The kind and the rules in words.
    pub(super) fn described(&self, kind: &Kind) -> String {
        let mut words = vec![kind.one()];
        words.extend(self.words(kind));
        words.join(", ")
    }

    fn words(&self, kind: &Kind) -> Vec<String> {
        let mut words = Vec::new();
        match (kind, &self.range) {
            (Kind::Maybe(inner), _) => return self.words(inner),
            (Kind::Integer(least), range) => {
                let min = range.as_ref().and_then(|range| range.min.clone()).or(least.map(Value::Integer));
                let max = range.as_ref().and_then(|range| range.max.clone());
                words.extend(Bounds { min, max }.words(""));
            }
            (_, Some(range)) => words.extend(range.words("")),
            (_, None) => {}
        }
        if let Some((unit, length)) = &self.length {
            let unit = if matches!(kind, Kind::List(_) | Kind::Map(_)) { "entries" } else { unit };
            words.extend(length.words(unit));
        }
        words.extend(self.phrases.iter().cloned());
        if let (Some(each), Kind::List(inner) | Kind::Map(inner)) = (&self.each, kind) {
            let each = each.words(inner);
            if !each.is_empty() {
                words.push(format!("each {}", each.join(", ")));
            }
        }
        words
    }
}

impl Bounds {
    fn read(scope: &Scope<'_>, parts: &[Meta]) -> anyhow::Result<Self> {
        let mut bounds = Self::default();
        for part in parts {
            let Meta::NameValue(pair) = part else { continue };
            let value = scope.value(&pair.value)?;
            match name(part).as_str() {
                "min" => bounds.min = Some(value),
                "max" => bounds.max = Some(value),
                "equal" => bounds = Self { min: Some(value.clone()), max: Some(value) },
                other => bail!("the bound `{other}` is not understood"),
            }
        }
        ensure!(bounds.min.is_some() || bounds.max.is_some(), "a rule has no bound");
        Ok(bounds)
    }

    fn words(&self, unit: &str) -> Option<String> {
        let words = match (&self.min, &self.max) {
            (Some(Value::Integer(1)), None) if !unit.is_empty() => return Some("not empty".to_owned()),
            (Some(min), Some(max)) if min == max => format!("{min} {unit}"),
            (Some(min), Some(max)) => format!("{min} to {max} {unit}"),
            (Some(min), None) => format!("{min} {unit} or more"),
            (None, Some(max)) => format!("{max} {unit} at most"),
            (None, None) => return None,
        };
        Some(words.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// The unit of the length of a text.
fn unit(parts: &[Meta]) -> anyhow::Result<&'static str> {
    match parts.iter().find(|part| matches!(part, Meta::Path(_))).map(name).as_deref() {
        None | Some("simple" | "bytes") => Ok("bytes"),
        Some("chars") => Ok("characters"),
        Some(other) => bail!("a length in {other} is not understood"),
    }
}

/// The arguments of a rule whose arguments have names.
fn parts(rule: &Meta) -> anyhow::Result<Vec<Meta>> {
    match (rule, name(rule).as_str()) {
        (Meta::List(list), "range" | "length" | "inner") => {
            Ok(list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)?.into_iter().collect())
        }
        _ => Ok(Vec::new()),
    }
}

fn literal(rule: &Meta) -> anyhow::Result<String> {
    match rule {
        Meta::List(list) => Ok(list.parse_args::<syn::LitStr>()?.value()),
        _ => bail!("garde({}) without its text", name(rule)),
    }
}
