//! What may be answered when, and what was answered that may not be.

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
pub(crate) enum Weather {
    /// Nothing stands still, and nothing has for a while.
    Calm,
    /// A part stands still.
    Stall,
    /// It goes on, and the others find out.
    Recovery,
}

/// Notes what everybody was answered. Cheap to clone; clones know the same.
#[derive(Clone)]
pub(crate) struct Judge(Arc<watch::Sender<Notes>>);

#[derive(Debug)]
struct Notes {
    weather: Weather,
    /// Grows with each change of the weather.
    era: u64,
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
pub(crate) enum Manner {
    /// Until they come.
    Patient,
    /// Often not for long.
    Hasty,
}

/// One member's way to ask: with a patience of its own, and each answer judged.
pub(crate) struct Desk {
    pub(crate) judge: Judge,
    pub(crate) manner: Manner,
    pub(crate) dice: StdRng,
}

impl Judge {
    pub(crate) fn new() -> Self {
        let notes = Notes {
            weather: Weather::Calm,
            era: 0,
            answers: 0,
            right_in_a_row: 0,
            right: 0,
            given_up: 0,
            outages: 0,
            faults: BTreeMap::new(),
        };
        Self(Arc::new(watch::Sender::new(notes)))
    }

    pub(crate) fn weather(&self) -> Weather {
        self.0.borrow().weather
    }

    /// Tells of a change of the weather, before it comes.
    pub(crate) fn expect_weather(&self, weather: Weather) {
        self.0.send_modify(|notes| {
            notes.weather = weather;
            notes.era += 1;
        });
    }

    /// Waits until so many answers have come from now on; where something stood still before, so many right ones in a row.
    ///
    /// # Panics
    /// If that takes too long.
    pub(crate) async fn answers(&self, count: usize, patience: Duration) {
        let mut notes = self.0.subscribe();
        self.0.send_modify(|notes| (notes.answers, notes.right_in_a_row) = (0, 0));
        let enough = notes.wait_for(|notes| match notes.weather {
            Weather::Calm | Weather::Stall => notes.answers >= count,
            Weather::Recovery => notes.right_in_a_row >= count,
        });
        let waited = tokio::time::timeout(patience, enough).await.map(drop);
        assert!(
            waited.is_ok(),
            "no {count} answers as they should be within {patience:?}: {}",
            self.report()
        );
    }

    /// Checks that nothing was answered that may not be.
    ///
    /// # Panics
    /// If something was.
    pub(crate) fn verdict(&self, when: &str) {
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

    /// Notes that a part was out of reach; a fault where the weather was calm from the question to the answer.
    fn outage(&self, asked: (Weather, u64), example: impl FnOnce() -> String) {
        let calm = asked.0 == Weather::Calm && self.0.borrow().era == asked.1;
        if calm {
            self.fault("an outage while nothing stands still".to_owned(), example());
        } else {
            self.0.send_modify(|notes| {
                notes.answers += 1;
                notes.outages += 1;
                notes.right_in_a_row = 0;
            });
        }
    }

    fn now(&self) -> (Weather, u64) {
        let notes = self.0.borrow();
        (notes.weather, notes.era)
    }
}

impl Desk {
    /// Asks, and hangs up after a random time now and then. Gives the answer where it has one of the statuses that
    /// the question allows; all others are noted.
    pub(crate) async fn ask(&mut self, what: &str, call: Call, allowed: &[u16]) -> Option<Answer> {
        let gives_up = match (self.manner, self.judge.weather()) {
            (Manner::Patient, _) => 0.0,
            (Manner::Hasty, Weather::Stall) => 0.7,
            (Manner::Hasty, Weather::Calm | Weather::Recovery) => 0.25,
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
        let calm = self.judge.weather() == Weather::Calm;
        let patience = if calm { LONG_WAIT } else { SHORT_WAIT };
        self.ask_for(what, call, allowed, patience, !calm).await
    }

    async fn ask_for(
        &self,
        what: &str,
        call: Call,
        allowed: &[u16],
        patience: Duration,
        may_give_up: bool,
    ) -> Option<Answer> {
        let asked = self.judge.now();
        let answer = match call.try_send_within(patience).await {
            None if may_give_up => {
                self.judge.given_up();
                return None;
            }
            None => {
                self.judge.outage(asked, || format!("{what}: no answer within {patience:?}"));
                return None;
            }
            Some(Err(error)) => {
                self.judge.outage(asked, || format!("{what}: {error:?}"));
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
            self.judge.outage(asked, told);
        } else {
            self.judge.fault(format!("{status} {}", answer.code()), told());
        }
        None
    }

    /// Notes whether an answer was the asker's own, and passes on what is known by then.
    pub(crate) fn check<T>(&self, what: &str, checked: Result<T, Foreign>) -> Option<T> {
        match checked {
            Ok(known) => {
                self.judge.right();
                Some(known)
            }
            Err(foreign) => {
                self.judge
                    .fault("an answer that is not the asker's own".to_owned(), format!("{what}: {foreign}"));
                None
            }
        }
    }
}
