//! Faults of single requests: which request is hit, what happens to it, and what is held until a test decides.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, watch};

/// What happens to one request or to its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The server never gets the request, and the connection ends.
    LoseRequest,
    /// The server does what it was asked, and the connection ends before the answer arrives.
    LoseAnswer,
    /// The server does not get the request until the test decides.
    HoldRequest,
    /// The answer does not arrive until the test decides.
    HoldAnswer,
}

/// The faults that are planned, and those that have happened. Its clones share them.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    rules: Arc<Mutex<Vec<Rule>>>,
    happened: Arc<Semaphore>,
    count: watch::Sender<usize>,
    decision: watch::Sender<Decision>,
}

#[derive(Debug)]
struct Rule {
    requests: Requests,
    fault: Fault,
}

/// Which requests a rule is about.
#[derive(Debug)]
enum Requests {
    /// The request after this number of others, counted over all connections.
    After(usize),
    /// The next `left` HTTP requests with such a line.
    Http { begin: String, end: String, left: usize },
}

/// What a test has decided about everything that was held until then.
#[derive(Clone, Copy, Debug, Default)]
struct Decision {
    number: usize,
    passes_on: bool,
}

/// The fault that waits for the next answer of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct OfAnswer(Arc<Mutex<Option<Fault>>>);

/// The connection is to end.
pub(super) struct Lost;

impl Plan {
    pub(super) fn new() -> Self {
        Self {
            rules: Arc::default(),
            happened: Arc::new(Semaphore::new(0)),
            count: watch::Sender::default(),
            decision: watch::Sender::default(),
        }
    }

    pub(super) fn add_nth(&self, nth: usize, fault: Fault) {
        lock(&self.rules).push(Rule { requests: Requests::After(nth.saturating_sub(1)), fault });
    }

    pub(super) fn add_http(&self, begin: &str, end: &str, fault: Fault, times: usize) {
        let requests = Requests::Http { begin: begin.to_owned(), end: end.to_owned(), left: times };
        lock(&self.rules).push(Rule { requests, fault });
    }

    /// Drops all rules; whether there was one.
    pub(super) fn cancel(&self) -> bool {
        !std::mem::take(&mut *lock(&self.rules)).is_empty()
    }

    /// Drops all rules, and what has happened is not waited for any more.
    pub(super) fn clear(&self) {
        self.cancel();
        self.happened.forget_permits(usize::MAX);
    }

    pub(super) async fn wait_for_fault(&self) {
        self.happened.acquire().await.expect("it is never closed").forget();
    }

    pub(super) fn count(&self) -> usize {
        *self.count.borrow()
    }

    pub(super) fn decide(&self, passes_on: bool) {
        self.decision.send_modify(|decision| {
            *decision = Decision { number: decision.number + 1, passes_on };
        });
    }

    /// Makes the fault of a request, if there is one.
    pub(super) async fn request(&self, sent: &[u8], of_answer: &OfAnswer) -> Result<(), Lost> {
        let Some(fault) = self.fault_of(sent) else { return Ok(()) };
        match fault {
            Fault::LoseRequest => self.lose(),
            Fault::HoldRequest => self.hold().await,
            Fault::LoseAnswer | Fault::HoldAnswer => {
                *lock(&of_answer.0) = Some(fault);
                Ok(())
            }
        }
    }

    /// Makes the fault of an answer, if there is one.
    pub(super) async fn answer(&self, of_answer: &OfAnswer) -> Result<(), Lost> {
        let fault = lock(&of_answer.0).take();
        match fault {
            Some(Fault::LoseAnswer) => self.lose(),
            Some(_) => self.hold().await,
            None => Ok(()),
        }
    }

    fn fault_of(&self, sent: &[u8]) -> Option<Fault> {
        let mut rules = lock(&self.rules);
        let place = rules.iter_mut().position(|rule| rule.requests.hit(sent))?;
        let fault = rules[place].fault;
        if rules[place].requests.is_over() {
            rules.remove(place);
        }
        Some(fault)
    }

    fn lose(&self) -> Result<(), Lost> {
        self.note();
        Err(Lost)
    }

    async fn hold(&self) -> Result<(), Lost> {
        let mut decision = self.decision.subscribe();
        let before = decision.borrow_and_update().number;
        self.note();
        match decision.wait_for(|decision| decision.number > before).await {
            Ok(decision) if decision.passes_on => Ok(()),
            _ => Err(Lost),
        }
    }

    fn note(&self) {
        self.count.send_modify(|count| *count += 1);
        self.happened.add_permits(1);
    }
}

impl Requests {
    /// Whether it is about this request.
    fn hit(&mut self, sent: &[u8]) -> bool {
        match self {
            Self::After(0) => true,
            Self::After(others) => {
                *others -= 1;
                false
            }
            Self::Http { begin, end, left } => {
                let is_hit = *left > 0
                    && request_line(sent)
                        .is_some_and(|line| line.starts_with(begin.as_str()) && line.ends_with(end.as_str()));
                *left -= usize::from(is_hit);
                is_hit
            }
        }
    }

    fn is_over(&self) -> bool {
        matches!(self, Self::After(_) | Self::Http { left: 0, .. })
    }
}

/// The method and the path of an HTTP request that begins here.
fn request_line(sent: &[u8]) -> Option<String> {
    let line = sent.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line).into_owned();
    let (line, version) = line.rsplit_once(' ')?;
    version.starts_with("HTTP/").then(|| line.to_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
