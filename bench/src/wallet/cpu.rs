//! What each process uses of the cores.

use std::fmt::Write as _;
use std::time::Duration;

use stack::Stack;

use crate::process::Process;

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

    /// What each has used since for one turn, of so many: `mariadb 150 µs, this benchmark 80 µs`.
    pub(super) fn per_turn_since(&self, earlier: &Self, turns: f64) -> String {
        let mut text = String::new();
        for ((name, now), (_, before)) in self.0.iter().zip(&earlier.0) {
            let microseconds = now.saturating_sub(*before).as_secs_f64() * 1_000_000.0 / turns;
            if microseconds >= LEAST_MICROSECONDS {
                let comma = if text.is_empty() { "" } else { ", " };
                // Writing to a string can't fail.
                let _ = write!(text, "{comma}{name} {microseconds:.0} µs");
            }
        }
        text
    }
}
