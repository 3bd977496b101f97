//! What may be answered in which phase, and a record of what was answered.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use system_tests::client::{Answer, Call};
use system_tests::own::Foreign;
use tokio::sync::watch;

/// How long a client waits for an answer while nothing stands still.
const LONG_WAIT: Duration = Duration::from_secs(30);
/// How long it waits otherwise, where it does not give up before.
const SHORT_WAIT: Duration = Duration::from_secs(3);
/// So many faults of one kind are told with all that is known of them.
const EXAMPLES: usize = 4;
/// What a client is told while a part is out of reach: the gateway's own answers, and those of a service.
const OUTAGE: [u16; 3] = [502, 503, 504];

/// What is going on around the members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing stands still, and nothing has for a while.
    AllWell,
    /// A part stands still.
    Stall,
    /// It goes on, and the others find out.
    Recovery,
}

/// What everybody was answered. Cheap to clone; clones share it.
#[derive(Clone)]
pub(crate) struct Record(Arc<watch::Sender<Notes>>);

#[derive(Debug)]
struct Notes {
    phase: Phase,
    /// Grows with each change of the phase.
    phase_number: u64,
    /// Answers of any kind since they are counted anew.
    answers: usize,
    /// Right ones since then, and since the last that was not.
    right_in_a_row: usize,
    right: usize,
    given_up: usize,
    outages: usize,
    faults: BTreeMap<String, Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    count: usize,
    examples: Vec<String>,
}

/// How somebody waits for answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Until they come.
    UntilAnswered,
    /// Often not for long.
    OftenGivesUp,
}

/// Asks for one member, and has each answer recorded.
pub(crate) struct Asker {
    pub(crate) record: Record,
    pub(crate) waiting: Waiting,
    pub(crate) dice: StdRng,
}

impl Record {
    pub(crate) fn new() -> Self {
        let notes = Notes {
            phase: Phase::AllWell,
            phase_number: 0,
            answers: 0,
            right_in_a_row: 0,
            right: 0,
            given_up: 0,
            outages: 0,
            faults: BTreeMap::new(),
        };
        Self(Arc::new(watch::Sender::new(notes)))
    }

    pub(crate) fn phase(&self) -> Phase {
        self.0.borrow().phase
    }

    /// Begins a phase. To be called before anything changes for the worse, and after it has changed for the better.
    pub(crate) fn begin_phase(&self, phase: Phase) {
        self.0.send_modify(|notes| {
            notes.phase = phase;
            notes.phase_number += 1;
        });
    }

    /// Waits until so many answers have come from now on; where something stood still before, so many right ones in a row.
    ///
    /// # Panics
    /// If that takes too long.
    pub(crate) async fn answers(&self, count: usize, patience: Duration) {
        let mut notes = self.0.subscribe();
        self.0.send_modify(|notes| (notes.answers, notes.right_in_a_row) = (0, 0));
        let enough = notes.wait_for(|notes| match notes.phase {
            Phase::AllWell | Phase::Stall => notes.answers >= count,
            Phase::Recovery => notes.right_in_a_row >= count,
        });
        let waited = tokio::time::timeout(patience, enough).await.map(drop);
        assert!(
            waited.is_ok(),
            "fewer than {count} of the expected answers within {patience:?}: {}",
            self.report()
        );
    }

    /// Checks that nothing was answered that may not be.
    ///
    /// # Panics
    /// If something was.
    pub(crate) fn expect_no_fault(&self, when: &str) {
        assert!(self.0.borrow().faults.is_empty(), "{when}: {}", self.report());
    }

    /// What was answered, in words.
    pub(crate) fn report(&self) -> String {
        let notes = self.0.borrow();
        let Notes { right, given_up, outages, .. } = &*notes;
        let mut report = format!("{right} right answers, {given_up} given up, {outages} outages told\n");
        for (kind, Faults { count, examples }) in &notes.faults {
            // Writing into a string can't fail.
            let _ = writeln!(report, "{count} x {kind}");
            for example in examples {
                let _ = writeln!(report, "    {example}");
            }
        }
        report
    }

    fn fault(&self, kind: String, example: String) {
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

    fn right(&self) {
        self.0.send_modify(|notes| {
            notes.answers += 1;
            notes.right += 1;
            notes.right_in_a_row += 1;
        });
    }

    fn given_up(&self) {
        self.0.send_modify(|notes| notes.given_up += 1);
    }

    /// Notes that a part was out of reach; a fault where all was well from the question to the answer.
    fn outage(&self, asked: (Phase, u64), example: impl FnOnce() -> String) {
        let all_well = asked.0 == Phase::AllWell && self.0.borrow().phase_number == asked.1;
        if all_well {
            self.fault("an outage while nothing stands still".to_owned(), example());
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
    /// Asks, and hangs up after a random time now and then. Gives the answer where it has one of the statuses that
    /// the question allows; all others are noted.
    pub(crate) async fn ask(&mut self, what: &str, call: Call, allowed: &[u16]) -> Option<Answer> {
        let gives_up = match (self.waiting, self.record.phase()) {
            (Waiting::UntilAnswered, _) => 0.0,
            (Waiting::OftenGivesUp, Phase::Stall) => 0.7,
            (Waiting::OftenGivesUp, Phase::AllWell | Phase::Recovery) => 0.25,
        };
        if self.dice.random_bool(gives_up) {
            // Half of them within the time that an answer takes.
            let longest_ms = if self.dice.random_bool(0.5) { 20 } else { 500 };
            let patience = Duration::from_millis(self.dice.random_range(2..=longest_ms));
            self.ask_for(what, call, allowed, patience, true).await
        } else {
            self.insist(what, call, allowed).await
        }
    }

    /// Asks, and waits for the answer.
    pub(crate) async fn insist(&mut self, what: &str, call: Call, allowed: &[u16]) -> Option<Answer> {
        let all_well = self.record.phase() == Phase::AllWell;
        let patience = if all_well { LONG_WAIT } else { SHORT_WAIT };
        self.ask_for(what, call, allowed, patience, !all_well).await
    }

    async fn ask_for(
        &self,
        what: &str,
        call: Call,
        allowed: &[u16],
        patience: Duration,
        may_give_up: bool,
    ) -> Option<Answer> {
        let asked = self.record.now();
        let answer = match call.try_send_within(patience).await {
            None if may_give_up => {
                self.record.given_up();
                return None;
            }
            None => {
                self.record.outage(asked, || format!("{what}: no answer within {patience:?}"));
                return None;
            }
            Some(Err(error)) => {
                self.record.outage(asked, || format!("{what}: {error:?}"));
                return None;
            }
            Some(Ok(answer)) => answer,
        };
        let status = answer.status;
        if allowed.contains(&status) {
            return Some(answer);
        }
        let told = || format!("{what}: {}", answer.body);
        if OUTAGE.contains(&status) {
            self.record.outage(asked, told);
        } else {
            self.record.fault(format!("{status} {}", answer.code()), told());
        }
        None
    }

    /// Notes whether an answer was the asker's own, and passes on what is known by then.
    pub(crate) fn check<T>(&self, what: &str, checked: Result<T, Foreign>) -> Option<T> {
        match checked {
            Ok(known) => {
                self.record.right();
                Some(known)
            }
            Err(foreign) => {
                self.record
                    .fault("an answer that is not the asker's own".to_owned(), format!("{what}: {foreign}"));
                None
            }
        }
    }
}
