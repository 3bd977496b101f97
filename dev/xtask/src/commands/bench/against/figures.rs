//! Reading the figures of one run of a benchmark: one JSON object a line, which `bench/src/figures.rs` writes.

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

/// Which of two values is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Better {
    Higher,
    Lower,
}

/// One measured value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) better: Better,
    /// No code of the services takes part in it.
    pub(super) is_floor: bool,
    pub(super) value: f64,
}

/// The figures of one round.
pub(super) struct Round {
    pub(super) this: Vec<Figure>,
    pub(super) that: Vec<Figure>,
}

impl Figure {
    fn read(line: &str) -> anyhow::Result<Self> {
        let object: Value = serde_json::from_str(line)?;
        let text = |field: &str| {
            let text = object[field].as_str().map(str::to_owned);
            text.with_context(|| format!("a figure without {field}: {line}"))
        };
        let better = match text("better")?.as_str() {
            "higher" => Better::Higher,
            "lower" => Better::Lower,
            other => bail!("a figure can't be better when it is {other}"),
        };
        let is_floor =
            object["floor"].as_bool().with_context(|| format!("a figure without floor: {line}"))?;
        let value = object["value"].as_f64().with_context(|| format!("a figure without a value: {line}"))?;
        Ok(Self { name: text("name")?, unit: text("unit")?, better, is_floor, value })
    }
}

/// All figures of one run.
pub(super) fn read(text: &str) -> anyhow::Result<Vec<Figure>> {
    let figures: Vec<Figure> = text.lines().map(Figure::read).collect::<anyhow::Result<_>>()?;
    ensure!(!figures.is_empty(), "there are no figures in it");
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_figure() {
        let line = r#"{"better":"lower","floor":true,"name":"floor: charges, p50","unit":"ms","value":0.42,"new":1}"#;
        let figure = Figure {
            name: "floor: charges, p50".to_owned(),
            unit: "ms".to_owned(),
            better: Better::Lower,
            is_floor: true,
            value: 0.42,
        };
        assert_eq!(read(line).unwrap(), [figure]);
    }

    #[test]
    fn a_value_that_is_not_a_number_is_an_error() {
        let error =
            read(r#"{"better":"lower","floor":true,"name":"a","unit":"ms","value":null}"#).unwrap_err();
        assert!(error.to_string().contains("without a value"), "{error}");
        assert!(read("").is_err());
    }
}
