//! Starting parts again that have ended by themselves, for as long as the stack is up.
//!
//! Each is started by a thread of its own: a part that waits for another one must not keep that one from being started. It is
//! tried for as long as it takes. What still runs goes on serving.

use std::collections::HashMap;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::StackError;
use crate::interrupt::Interrupt;
use crate::log_tail::LogTail;
use crate::stack::Stack;

/// How often the parts are checked.
const INTERVAL: Duration = Duration::from_millis(250);
const POLL: Duration = Duration::from_millis(20);
/// The pause before the second try. It doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A part that has run for so long is started at once when it ends.
const STABLE: Duration = Duration::from_mins(1);

/// What happened to a part that ended by itself.
#[derive(Debug)]
pub enum Incident {
    /// It has ended, and is started again after the pause.
    Ended {
        /// The part.
        part: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of its log.
        log: LogTail,
        /// The time until it is started again.
        pause: Duration,
    },
    /// It could not be started, and is tried again after the pause.
    NotStarted {
        /// The part.
        part: String,
        /// Why.
        error: StackError,
        /// The time until the next try.
        pause: Duration,
    },
    /// It runs, but is not ready yet. It is waited for.
    NotReady {
        /// The part.
        part: String,
        /// What is missing.
        error: StackError,
    },
    /// It is ready again.
    Back {
        /// The part.
        part: String,
    },
}

/// How often a part has been started, and when it ended last.
#[derive(Clone, Copy, Debug)]
struct Tries {
    count: u32,
    latest: Instant,
}

impl Stack {
    /// Starts parts again that end by themselves, until `wait` returns true. It is called again and again, and waits for the
    /// time that it gets. `told` gets what happens, from several threads.
    pub fn supervise(&self, mut wait: impl FnMut(Duration) -> bool, told: &(dyn Fn(Incident) + Sync)) {
        let over = Interrupt::default();
        let mut tries: HashMap<String, Tries> = HashMap::new();
        thread::scope(|scope| {
            while !wait(INTERVAL) {
                for (part, status) in self.take_exited() {
                    let before = tries.get(&part).filter(|tries| tries.latest.elapsed() < STABLE);
                    let count = before.map_or(0, |tries| tries.count + 1);
                    tries.insert(part.clone(), Tries { count, latest: Instant::now() });
                    let (log, pause) = (self.log_tail(&part), pause_before(count));
                    told(Incident::Ended { part: part.clone(), status, log, pause });
                    let over = over.clone();
                    scope.spawn(move || self.bring_back(&part, count, &over, told));
                }
            }
            over.raise();
        });
    }

    /// Tries until the part is ready.
    fn bring_back(&self, part: &str, mut count: u32, over: &Interrupt, told: &(dyn Fn(Incident) + Sync)) {
        if !sleep(pause_before(count), over) {
            return;
        }
        loop {
            match self.start_again(part) {
                Ok(()) => return told(Incident::Back { part: part.to_owned() }),
                // The stack is stopped, or somebody has stopped or removed the part.
                Err(
                    StackError::Interrupted | StackError::UnknownPart(_) | StackError::StoppedMeanwhile(_),
                ) => return,
                // It may be waiting for another part, or reading its data. Killing it would begin that anew.
                Err(error @ StackError::NotReady { .. }) => {
                    told(Incident::NotReady { part: part.to_owned(), error });
                    if over.is_raised() {
                        return;
                    }
                }
                Err(error) => {
                    count = count.saturating_add(1);
                    let pause = pause_before(count);
                    told(Incident::NotStarted { part: part.to_owned(), error, pause });
                    if !sleep(pause, over) {
                        return;
                    }
                }
            }
        }
    }
}

/// The first try is at once.
fn pause_before(count: u32) -> Duration {
    match count.checked_sub(1) {
        None => Duration::ZERO,
        Some(doublings) => FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_PAUSE),
    }
}

/// Sleeps. False if the supervision is over.
fn sleep(time: Duration, over: &Interrupt) -> bool {
    let began = Instant::now();
    while !over.is_raised() {
        let Some(rest) = time.checked_sub(began.elapsed()).filter(|rest| !rest.is_zero()) else {
            return true;
        };
        thread::sleep(rest.min(POLL));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_grow_up_to_half_a_minute() {
        let pauses: Vec<u64> = (0..8).map(|count| pause_before(count).as_secs()).collect();
        assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(pause_before(u32::MAX), LONGEST_PAUSE);
    }
}
