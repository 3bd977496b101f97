//! The processor time of each process.

use std::fmt;
use std::time::Duration;

use stack::Stack;

use crate::process::{Process, THIS};

/// A process that uses less is not shown. In microseconds for each turn.
const LEAST_MICROSECONDS: f64 = 2.0;

/// The processor time of every part of the stack and of this process so far.
pub(super) struct Used(Vec<(String, Duration)>);

impl Used {
    pub(super) fn now(stack: &Stack) -> anyhow::Result<Self> {
        let processes = Process::all(stack)?.into_iter();
        let used = processes.map(|(name, process)| Ok((name, process.processor_time()?)));
        used.collect::<anyhow::Result<_>>().map(Self)
    }

    /// The processor time since `earlier`, divided by the number of turns.
    pub(super) fn per_turn_since(&self, earlier: &Self, turns: f64) -> PerTurn {
        let pairs = self.0.iter().zip(&earlier.0);
        let each = pairs.map(|((name, now), (_, before))| {
            (name.clone(), now.saturating_sub(*before).as_secs_f64() * 1_000_000.0 / turns)
        });
        PerTurn(each.collect())
    }
}

/// The processor time of each process for one turn, in microseconds. It is shown as `mariadb 150 µs, this benchmark 80 µs`.
#[derive(Debug, Default)]
pub(super) struct PerTurn(Vec<(String, f64)>);

impl PerTurn {
    /// The sum of the parts of the stack.
    pub(super) fn of_stack(&self) -> f64 {
        self.0.iter().filter(|(name, _)| name != THIS).map(|(_, microseconds)| microseconds).sum()
    }
}

impl fmt::Display for PerTurn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.iter().filter(|(_, microseconds)| *microseconds >= LEAST_MICROSECONDS);
        for (number, (name, microseconds)) in shown.enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(formatter, "{comma}{name} {microseconds:.0} µs")?;
        }
        Ok(())
    }
}
