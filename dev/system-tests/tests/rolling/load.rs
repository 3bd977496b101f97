//! The clients: some keep their connections, and others open one for each request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use system_tests::{Client, Request};
use testkit::member::{Member, new_key};
use testkit::shop::Item;
use testkit::until;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const KEEPING: usize = 6;
const RECONNECTING: usize = 2;
/// Between two requests of a client, so that the load is steady and leaves the machine to others.
const PAUSE: Duration = Duration::from_millis(10);
/// Whoever waits for longer than that, waits for ever. No request may.
const FOREVER: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(60);

/// What the clients send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kinds {
    /// Also requests that the gateway must not send twice.
    All,
    /// Those that it may send again.
    Repeatable,
    /// Those that need Redis, too.
    WithCart,
}

/// A request that was answered, or not.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) what: &'static str,
    pub(crate) client: usize,
    pub(crate) at: Instant,
    pub(crate) took: Duration,
    /// 0 if there was no answer.
    pub(crate) status: u16,
    failure: Option<String>,
}

/// Clients that go on until [`Load::end`].
pub(crate) struct Load {
    done: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    clients: JoinSet<Vec<Outcome>>,
}

/// What one client needs.
#[derive(Clone)]
struct Sender {
    number: usize,
    url: String,
    client: Client,
    member: Member,
    item: Item,
    done: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Load {
    /// Starts the clients, and waits until each may have sent some requests.
    pub(crate) async fn start(url: &str, member: &Member, item: &Item, kinds: Kinds) -> Self {
        let mut load = Self { done: Arc::default(), over: Arc::default(), clients: JoinSet::new() };
        for number in 0..KEEPING + RECONNECTING {
            let sender = Sender {
                number,
                url: url.to_owned(),
                client: Client::at(url),
                member: member.clone(),
                item: item.clone(),
                done: Arc::clone(&load.done),
                over: Arc::clone(&load.over),
            };
            load.clients.spawn(sender.run(kinds));
        }
        load.more(10 * (KEEPING + RECONNECTING)).await;
        load
    }

    /// Waits for some more requests.
    pub(crate) async fn more(&self, requests: usize) {
        let wanted = self.done.load(Ordering::Relaxed) + requests;
        let enough = async || self.done.load(Ordering::Relaxed) >= wanted;
        until("the clients send requests", PATIENCE, enough).await;
    }

    /// Ends the clients, and gives what came of all requests.
    pub(crate) async fn end(self) -> Outcomes {
        self.more(10 * (KEEPING + RECONNECTING)).await;
        self.over.store(true, Ordering::Relaxed);
        Outcomes(self.clients.join_all().await.into_iter().flatten().collect())
    }
}

impl Sender {
    async fn run(self, kinds: Kinds) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for turn in self.number.. {
            if self.over.load(Ordering::Relaxed) {
                break;
            }
            let at = Instant::now();
            let (what, answer) =
                if self.number < KEEPING { self.kept(turn, kinds).await } else { self.anew(turn).await };
            let (status, failure) = match answer {
                Ok((status @ (200 | 201), _)) => (status, None),
                Ok((status, text)) => (status, Some(format!("{status} {text}"))),
                Err(error) => (0, Some(error)),
            };
            outcomes.push(Outcome { what, client: self.number, at, took: at.elapsed(), status, failure });
            self.done.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
        outcomes
    }

    /// A request on a kept connection.
    async fn kept(&self, turn: usize, kinds: Kinds) -> (&'static str, Result<(u16, String), String>) {
        let option = &self.item.options[0];
        let get = |path: &str| self.client.get(path);
        let cart_line = |path: &str| self.client.put(path).json(&json!({ "quantity": 1 + turn % 3 }));
        let (what, request): (_, Request) = match (turn % 6, kinds) {
            (0, _) => ("item", get(&format!("/api/store/items/{}", self.item.id))),
            (1, _) => ("wallet", get("/api/member/me/wallet")),
            (2, _) => ("orders", get("/api/order/orders")),
            (3, _) => {
                let charge =
                    self.client.post("/api/member/me/wallet/charges").json(&json!({ "amount": 1_000 }));
                ("charge", charge.key(&new_key()))
            }
            (4, Kinds::All) => ("cart line", cart_line(&format!("/api/order/cart/lines/{option}"))),
            (4, Kinds::WithCart) => ("cart", get("/api/order/cart")),
            _ => ("items", get("/api/store/items?limit=1")),
        };
        let request = request.bearer(&self.member.token);
        let answer = match request.try_send_within(FOREVER).await {
            None => Err(format!("no answer after {FOREVER:?}")),
            Some(Ok(answer)) => Ok((answer.status.as_u16(), answer.text())),
            Some(Err(error)) => Err(format!("{error:?}")),
        };
        (what, answer)
    }

    /// A request on a connection of its own. Nothing sends it again behind our back.
    async fn anew(&self, turn: usize) -> (&'static str, Result<(u16, String), String>) {
        let (what, path) = if turn.is_multiple_of(2) {
            ("item, new connection", format!("/api/store/items/{}", self.item.id))
        } else {
            ("wallet, new connection", "/api/member/me/wallet".to_owned())
        };
        let answer = match tokio::time::timeout(FOREVER, self.exchange(&path)).await {
            Err(_) => Err(format!("no answer after {FOREVER:?}")),
            Ok(Err(error)) => Err(error.to_string()),
            Ok(Ok(text)) => match text.split(' ').nth(1).and_then(|status| status.parse().ok()) {
                Some(status) => Ok((status, text)),
                None => Err(format!("no answer but {text:?}")),
            },
        };
        (what, answer)
    }

    async fn exchange(&self, path: &str) -> std::io::Result<String> {
        let address = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await?;
        let token = &self.member.token;
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

/// What came of all requests.
pub(crate) struct Outcomes(pub(crate) Vec<Outcome>);

impl Outcomes {
    /// Checks that no request has failed.
    #[track_caller]
    pub(crate) fn expect_no_failure(&self, during: &str) {
        self.expect_failures_only(during, |_| false);
    }

    /// Checks that all failures are excused.
    #[track_caller]
    pub(crate) fn expect_failures_only(&self, during: &str, is_excused: impl Fn(&Outcome) -> bool) {
        let failed = self.0.iter().filter(|outcome| !is_excused(outcome));
        let failed: Vec<_> = failed
            .filter_map(|outcome| Some((outcome.what, outcome.took, outcome.failure.as_ref()?)))
            .collect();
        println!("{during}: {}", self.figures());
        assert!(failed.is_empty(), "{during}: {} of {} failed: {failed:#?}", failed.len(), self.0.len());
    }

    fn figures(&self) -> String {
        let mut times: Vec<_> = self.0.iter().map(|outcome| outcome.took).collect();
        times.sort_unstable();
        let at = |permille: usize| times[(times.len() - 1) * permille / 1_000];
        let waited = times.iter().filter(|time| **time >= Duration::from_millis(900)).count();
        format!(
            "{} requests, p50 {:.1?}, p99 {:.1?}, p99.9 {:.1?}, longest {:.1?}, {waited} of 0.9 s and longer",
            times.len(),
            at(500),
            at(990),
            at(999),
            at(1_000)
        )
    }

    /// Those that were sent from half a second before a moment to half a second after it.
    pub(crate) fn around(self, moment: Instant) -> Self {
        let half = Duration::from_millis(500);
        let is_near = |at: Instant| at + half >= moment && at <= moment + half;
        Self(self.0.into_iter().filter(|outcome| is_near(outcome.at)).collect())
    }

    /// Those of one kind.
    pub(crate) fn only(self, what: &str) -> Self {
        Self(self.0.into_iter().filter(|outcome| outcome.what == what).collect())
    }

    /// Prints the figures.
    pub(crate) fn print(&self, what: &str) {
        println!("{what}: {}", self.figures());
    }
}
