//! What each process uses of the cores.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use stack::Stack;

/// The unit of `/proc/…/stat` on every Linux of today (`getconf CLK_TCK`).
const TICKS_PER_SECOND: u64 = 100;
/// Less than that is not worth a word, in microseconds for each turn.
const LEAST_MICROSECONDS: f64 = 2.0;

/// What every part of the stack, and this process, has used so far.
pub(super) struct Used(Vec<(String, Duration)>);

impl Used {
    pub(super) fn now(stack: &Stack) -> anyhow::Result<Self> {
        let mut used = vec![("bench".to_owned(), cpu_time("self")?)];
        for part in stack.parts() {
            if let Some(pid) = part.pid {
                used.push((part.name, cpu_time(&pid.to_string())?));
            }
        }
        Ok(Self(used))
    }

    /// What each has used since for one turn, of so many: `mariadb 150 µs, bench 80 µs`.
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

/// What a process has used of all cores, in user mode and in the kernel.
pub(super) fn cpu_time(pid: &str) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the command's name in parentheses, which may hold spaces; utime and stime are the 14th and 15th.
    let after_name = stat.rsplit(") ").next().context("/proc tells no state")?;
    let ticks = after_name.split(' ').skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}
