//! A TCP proxy that simulates the faults of a network and of a server that hangs.
//!
//! Faults are of three kinds: those of all that passes (a delay, a stall), those of connections (a cut), and those of
//! single requests. What a client sends at once counts as one request. For HTTP and for MySQL, where a client waits for
//! each answer before it asks again, that is what it is. So a fault at the first request, at the second and so on visits
//! every state that differs for what is durable.

mod connection;
mod plan;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;

use connection::{BUFFER_BYTES, Connection, Counts, Faults, Sent, accept_all, bound_socket, listen};
use plan::{OfAnswer, Plan};

pub use plan::Fault;

/// Longer than a request takes on any machine.
const FAULT_LIMIT: Duration = Duration::from_secs(60);

/// A TCP proxy in front of a server. A test tells it which faults to simulate.
///
/// All its tasks and connections end when it is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    faults: watch::Sender<Faults>,
    counts: watch::Sender<Counts>,
    plan: Plan,
    sent: Sent,
    accepting: AbortHandle,
}

impl FaultProxy {
    /// A proxy to the server at `host:port`, without faults. It works in tasks of the runtime that it is made in.
    pub fn to(server: &str) -> Self {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        // It never listens. It keeps the port for us while connections are refused and no socket listens.
        let port_keeper = bound_socket(any_port);
        let address = port_keeper.local_addr().expect("a bound socket has an address");
        let listener = listen(address);
        let (faults, counts) = (watch::Sender::new(Faults::default()), watch::Sender::default());
        let (plan, sent) = (Plan::new(), Sent::default());
        let template = Connection {
            faults: faults.subscribe(),
            counts: counts.clone(),
            plan: plan.clone(),
            of_answer: OfAnswer::default(),
            sent: sent.clone(),
            losses: 0,
        };
        let server = server.to_owned();
        let accepting = tokio::spawn(async move {
            accept_all(listener, &server, &template).await;
            drop(port_keeper);
        });
        Self { address, faults, counts, plan, sent, accepting: accepting.abort_handle() }
    }

    /// What clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port that clients connect to.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Delays each piece, in both directions, for a random time in `range`. Pieces stay in their order.
    pub fn delay(&self, range: RangeInclusive<Duration>) {
        self.faults.send_modify(|faults| faults.delay = range);
    }

    /// Passes on at most `bytes` at once, so that readers see answers in parts. Each part is a piece.
    pub fn split(&self, bytes: usize) {
        self.faults.send_modify(|faults| faults.piece_bytes = bytes.clamp(1, BUFFER_BYTES));
    }

    /// Holds everything back, as a server that hangs: connections are accepted, and what is sent arrives after
    /// [`Self::restore`].
    pub fn stall(&self) {
        self.faults.send_modify(|faults| (faults.stalls_requests, faults.stalls_answers) = (true, true));
    }

    /// Holds only the answers back: the server does what it is asked, and clients hear of it after [`Self::restore`].
    pub fn stall_answers(&self) {
        self.faults.send_modify(|faults| faults.stalls_answers = true);
    }

    /// Ends all connections. New ones are accepted.
    pub fn cut(&self) {
        self.faults.send_modify(|faults| faults.cuts += 1);
    }

    /// Drops all that is sent on the existing connections, for ever, without ending them, as a router that has forgotten
    /// them. New connections work.
    pub fn lose_existing(&self) {
        self.faults.send_modify(|faults| faults.losses += 1);
    }

    /// Ends all connections, and each new one as soon as it is accepted: it counts as a connection, and nothing passes.
    pub fn end_all(&self) {
        self.faults.send_modify(|faults| (faults.cuts, faults.ends_new) = (faults.cuts + 1, true));
    }

    /// Refuses new connections, as if no server listened. The existing ones stay.
    pub fn refuse(&self) {
        self.faults.send_modify(|faults| faults.refuses = true);
    }

    /// Makes a fault of the `nth` request from now on, counted from 1 over all connections.
    pub fn fault_at(&self, nth: usize, fault: Fault) {
        self.plan.add_nth(nth, fault);
    }

    /// Makes a fault of the next `times` HTTP requests whose line begins with `begin`, for example
    /// `POST /internal/wallets`, and whose path ends with `end`.
    pub fn fault_of(&self, begin: &str, end: &str, fault: Fault, times: usize) {
        self.plan.add_http(begin, end, fault, times);
    }

    /// Cancels the planned faults of requests. True if there was one that had not begun yet.
    pub fn cancel_request_faults(&self) -> bool {
        self.plan.cancel()
    }

    /// Waits until one more fault of a request has happened: what is to be lost is lost, what is to be held is held.
    ///
    /// # Panics
    /// If none happens within a minute.
    pub async fn wait_for_fault(&self) {
        let fault = tokio::time::timeout(FAULT_LIMIT, self.plan.wait_for_fault()).await;
        fault.expect("no fault of a request happened in time");
    }

    /// How many faults of requests have happened so far.
    pub fn request_faults(&self) -> usize {
        self.plan.count()
    }

    /// Passes on the requests and answers that are held now.
    pub fn pass_on_held(&self) {
        self.plan.decide(true);
    }

    /// Ends the connections whose requests or answers are held now.
    pub fn lose_held(&self) {
        self.plan.decide(false);
    }

    /// Records from now on what clients send.
    pub fn record(&self) {
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
    }

    /// How often clients have sent `words` since [`Self::record`].
    pub fn sent(&self, words: &str) -> usize {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let windows = sent.as_deref().unwrap_or_default().windows(words.len());
        windows.filter(|window| *window == words.as_bytes()).count()
    }

    /// Makes no more faults, and forgets those that have happened. What a stall has held back arrives.
    pub fn restore(&self) {
        self.plan.clear();
        self.faults.send_modify(|faults| {
            *faults = Faults { cuts: faults.cuts, losses: faults.losses, ..Faults::default() };
        });
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.counts.borrow().connections
    }

    /// How many pieces stalls have held back so far.
    pub fn held(&self) -> usize {
        self.counts.borrow().held
    }

    /// Waits until stalls have held back `pieces` pieces since the proxy was made. The caller limits the wait.
    pub async fn wait_held(&self, pieces: usize) {
        let mut counts = self.counts.subscribe();
        counts.wait_for(|counts| counts.held >= pieces).await.expect("the sender lives in `self`");
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        // The task owns those of the connections, and these own the connections.
        self.accepting.abort();
    }
}
