//! What each process uses of the cores.

use std::fmt;
use std::time::Duration;

use stack::Stack;

use crate::process::{Process, THIS};

/// Less than that is not worth a word, in microseconds for each turn.
const LEAST_MICROSECONDS: f64 = 2.0;

/// What every part of the stack, and this process, has used so far.
pub(super) struct Used(Vec<(String, Duration)>);

impl Used {
    pub(super) fn now(stack: &Stack) -> anyhow::Result<Self> {
        let processes = Process::all(stack)?.into_iter();
        let used = processes.map(|(name, process)| Ok((name, process.processor_time()?)));
        used.collect::<anyhow::Result<_>>().map(Self)
    }

    /// What each has used since for one turn, of so many.
    pub(super) fn per_turn_since(&self, earlier: &Self, turns: f64) -> PerTurn {
        let pairs = self.0.iter().zip(&earlier.0);
        let each = pairs.map(|((name, now), (_, before))| {
            (name.clone(), now.saturating_sub(*before).as_secs_f64() * 1_000_000.0 / turns)
        });
        PerTurn(each.collect())
    }
}

/// What each process has used for one turn, in microseconds. It reads as `mariadb 150 µs, this benchmark 80 µs`.
#[derive(Debug, Default)]
pub(super) struct PerTurn(Vec<(String, f64)>);

impl PerTurn {
    /// What the parts of the stack have used together.
    pub(super) fn of_stack(&self) -> f64 {
        self.0.iter().filter(|(name, _)| name != THIS).map(|(_, microseconds)| microseconds).sum()
    }
}

impl fmt::Display for PerTurn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let worth_a_word = self.0.iter().filter(|(_, microseconds)| *microseconds >= LEAST_MICROSECONDS);
        for (number, (name, microseconds)) in worth_a_word.enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(formatter, "{comma}{name} {microseconds:.0} µs")?;
        }
        Ok(())
    }
}
