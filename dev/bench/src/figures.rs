//! The figures in a file for programs: `cargo xtask bench … --against` compares those of two commits.
//!
//! A file has one JSON object a line. The xtask of a later commit reads the file of the `bench` of an earlier one. So a
//! field can be added, but no field can change its meaning, and a figure keeps its name as long as it means the same.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::load::Measured;

/// All figures of one run, in the order in which they are shown.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<Value>);

/// Which of two values is the better one.
#[derive(Clone, Copy, Debug)]
enum Better {
    Higher,
    Lower,
}

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of {
    /// The services. Their figures are compared.
    Dalkom,
    /// The floor, or a server. No code of the services takes part in it, so that a difference between two runs comes from the
    /// machine or from the measuring program.
    Floor,
}

impl Figures {
    /// A number a second.
    pub(crate) fn rate(&mut self, of: Of, name: &str, per_second: f64) {
        self.add(of, name, "/s", Better::Higher, per_second);
    }

    /// A time.
    pub(crate) fn time(&mut self, of: Of, name: &str, time: Duration) {
        self.cost(of, name, "ms", time.as_secs_f64() * 1_000.0);
    }

    /// An amount of something that is used, in a unit.
    pub(crate) fn cost(&mut self, of: Of, name: &str, unit: &str, value: f64) {
        self.add(of, name, unit, Better::Lower, value);
    }

    /// The rate, the p50 and the p99 of closed loops.
    pub(crate) fn measured(&mut self, of: Of, name: &str, measured: &Measured) {
        self.rate(of, name, measured.per_second);
        for percent in [50, 99] {
            self.time(of, &format!("{name}, p{percent}"), measured.percentile(percent));
        }
    }

    fn add(&mut self, of: Of, name: &str, unit: &str, better: Better, value: f64) {
        self.0.push(json!({
            "name": match of {
                Of::Dalkom => name.to_owned(),
                Of::Floor => format!("floor: {name}"),
            },
            "unit": unit,
            "better": match better {
                Better::Higher => "higher",
                Better::Lower => "lower",
            },
            "floor": matches!(of, Of::Floor),
            "value": value,
        }));
    }

    /// Writes the file.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text: String = self.0.iter().map(|figure| format!("{figure}\n")).collect();
        fs::write(path, text).with_context(|| format!("writing {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_is_a_line_that_says_which_value_is_better() {
        let mut figures = Figures::default();
        figures.rate(Of::Dalkom, "charges", 1_644.5);
        figures.time(Of::Floor, "charges, p50", Duration::from_micros(420));
        let folder = std::env::temp_dir().join(format!("dalkom-figures-{}", std::process::id()));

        figures.write(&folder).unwrap();

        let text = fs::read_to_string(&folder).unwrap();
        fs::remove_file(&folder).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            lines,
            [
                json!({ "name": "charges", "unit": "/s", "better": "higher", "floor": false, "value": 1_644.5 }),
                json!({ "name": "floor: charges, p50", "unit": "ms", "better": "lower", "floor": true, "value": 0.42 }),
            ]
        );
    }
}
