//! Which answers are allowed in which phase, and a record of the answers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use rand::RngExt as _;
use rand::rngs::StdRng;
use system_tests::Request;
use system_tests::ownership::Foreign;
use testkit::Answer;
use tokio::sync::watch;

/// How long a client waits for an answer while no part is paused.
const LONG_WAIT: Duration = Duration::from_secs(30);
/// How long it waits otherwise, unless it hangs up before.
const SHORT_WAIT: Duration = Duration::from_secs(3);
/// The number of faults of each kind that the report shows in full.
const EXAMPLES: usize = 4;
/// The statuses of an outage, from the gateway or from a service.
const OUTAGE: [StatusCode; 3] =
    [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];

/// The state of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No part is paused, and none has been for a while.
    Healthy,
    /// A part is paused.
    Pause,
    /// The part was resumed, and the others notice it.
    Recovery,
}

/// The answers to all members. Its clones share it.
#[derive(Clone)]
pub(crate) struct Record(Arc<watch::Sender<Notes>>);

#[derive(Debug)]
struct Notes {
    phase: Phase,
    /// Grows with each change of the phase.
    phase_number: u64,
    /// All answers since the counters were reset.
    answers: usize,
    /// The latest right answers without another one between them, since the counters were reset.
    right_in_a_row: usize,
    right: usize,
    hung_up: usize,
    outages: usize,
    faults: BTreeMap<String, Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    count: usize,
    examples: Vec<String>,
}

/// Whether clients hang up before they are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HangUps {
    Never,
    Often,
}

/// Makes the requests of one member, and records the answers.
pub(crate) struct Asker {
    pub(crate) record: Record,
    pub(crate) hang_ups: HangUps,
    pub(crate) rng: StdRng,
}

impl Record {
    pub(crate) fn new() -> Self {
        let notes = Notes {
            phase: Phase::Healthy,
            phase_number: 0,
            answers: 0,
            right_in_a_row: 0,
            right: 0,
            hung_up: 0,
            outages: 0,
            faults: BTreeMap::new(),
        };
        Self(Arc::new(watch::Sender::new(notes)))
    }

    pub(crate) fn phase(&self) -> Phase {
        self.0.borrow().phase
    }

    /// Begins a phase. A pause begins before a part is paused, and recovery after it was resumed.
    pub(crate) fn begin_phase(&self, phase: Phase) {
        self.0.send_modify(|notes| {
            notes.phase = phase;
            notes.phase_number += 1;
        });
    }

    /// Waits for this number of answers from now on. In the recovery, waits for this number of right answers in a row.
    ///
    /// # Panics
    /// If that takes too long.
    pub(crate) async fn wait_for_answers(&self, count: usize, patience: Duration) {
        let mut notes = self.0.subscribe();
        self.0.send_modify(|notes| (notes.answers, notes.right_in_a_row) = (0, 0));
        let enough = notes.wait_for(|notes| match notes.phase {
            Phase::Healthy | Phase::Pause => notes.answers >= count,
            Phase::Recovery => notes.right_in_a_row >= count,
        });
        let waited = tokio::time::timeout(patience, enough).await.map(drop);
        assert!(waited.is_ok(), "fewer than {count} expected answers within {patience:?}: {}", self.report());
    }

    /// Checks that no answer was a fault.
    ///
    /// # Panics
    /// If one was.
    pub(crate) fn expect_no_fault(&self, when: &str) {
        assert!(self.0.borrow().faults.is_empty(), "{when}: {}", self.report());
    }

    /// The record as text.
    pub(crate) fn report(&self) -> String {
        let notes = self.0.borrow();
        let Notes { right, hung_up, outages, .. } = &*notes;
        let mut report = format!("{right} right answers, {hung_up} requests hung up, {outages} outages\n");
        for (kind, Faults { count, examples }) in &notes.faults {
            // Writing into a string can't fail.
            let _ = writeln!(report, "{count} x {kind}");
            for example in examples {
                let _ = writeln!(report, "    {example}");
            }
        }
        report
    }

    fn note_fault(&self, kind: String, example: String) {
        self.0.send_modify(|notes| {
            notes.answers += 1;
            notes.right_in_a_row = 0;
            let faults = notes.faults.entry(kind).or_default();
            faults.count += 1;
            if faults.examples.len() < EXAMPLES {
                faults.examples.push(example);
            }
        });
    }

    fn note_right(&self) {
        self.0.send_modify(|notes| {
            notes.answers += 1;
            notes.right += 1;
            notes.right_in_a_row += 1;
        });
    }

    fn note_hang_up(&self) {
        self.0.send_modify(|notes| notes.hung_up += 1);
    }

    /// Notes an outage. It is a fault if the stack was healthy from the request to the answer.
    fn note_outage(&self, asked: (Phase, u64), example: impl FnOnce() -> String) {
        let was_healthy = asked.0 == Phase::Healthy && self.0.borrow().phase_number == asked.1;
        if was_healthy {
            self.note_fault("an outage while no part is paused".to_owned(), example());
        } else {
            self.0.send_modify(|notes| {
                notes.answers += 1;
                notes.outages += 1;
                notes.right_in_a_row = 0;
            });
        }
    }

    fn now(&self) -> (Phase, u64) {
        let notes = self.0.borrow();
        (notes.phase, notes.phase_number)
    }
}

impl Asker {
    /// Sends a request, and sometimes hangs up after a random time. Gives the answer if it has an allowed status, and
    /// records it otherwise.
    pub(crate) async fn ask(&mut self, what: &str, call: Request, allowed: &[StatusCode]) -> Option<Answer> {
        let hang_up = match (self.hang_ups, self.record.phase()) {
            (HangUps::Never, _) => 0.0,
            (HangUps::Often, Phase::Pause) => 0.7,
            (HangUps::Often, Phase::Healthy | Phase::Recovery) => 0.25,
        };
        if self.rng.random_bool(hang_up) {
            // Half of them hang up within the time that an answer takes.
            let longest_ms = if self.rng.random_bool(0.5) { 20 } else { 500 };
            let patience = Duration::from_millis(self.rng.random_range(2..=longest_ms));
            self.ask_for(what, call, allowed, patience, true).await
        } else {
            self.ask_and_wait(what, call, allowed).await
        }
    }

    /// Sends a request, and waits for the answer.
    pub(crate) async fn ask_and_wait(
        &mut self,
        what: &str,
        call: Request,
        allowed: &[StatusCode],
    ) -> Option<Answer> {
        let is_healthy = self.record.phase() == Phase::Healthy;
        let patience = if is_healthy { LONG_WAIT } else { SHORT_WAIT };
        self.ask_for(what, call, allowed, patience, !is_healthy).await
    }

    async fn ask_for(
        &self,
        what: &str,
        call: Request,
        allowed: &[StatusCode],
        patience: Duration,
        may_hang_up: bool,
    ) -> Option<Answer> {
        let asked = self.record.now();
        let answer = match call.try_send_within(patience).await {
            None if may_hang_up => {
                self.record.note_hang_up();
                return None;
            }
            None => {
                self.record.note_outage(asked, || format!("{what}: no answer within {patience:?}"));
                return None;
            }
            Some(Err(error)) => {
                self.record.note_outage(asked, || format!("{what}: {error:?}"));
                return None;
            }
            Some(Ok(answer)) => answer,
        };
        let status = answer.status;
        if allowed.contains(&status) {
            return Some(answer);
        }
        let example = || format!("{what}: {}", answer.body);
        if OUTAGE.contains(&status) {
            self.record.note_outage(asked, example);
        } else {
            self.record.note_fault(format!("{status} {}", answer.code()), example());
        }
        None
    }

    /// Records whether an answer belonged to the member, and gives what the check gave.
    pub(crate) fn check<T>(&self, what: &str, checked: Result<T, Foreign>) -> Option<T> {
        match checked {
            Ok(value) => {
                self.record.note_right();
                Some(value)
            }
            Err(foreign) => {
                self.record.note_fault(
                    "an answer that does not belong to the member".to_owned(),
                    format!("{what}: {foreign}"),
                );
                None
            }
        }
    }
}
