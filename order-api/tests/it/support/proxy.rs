//! A TCP proxy that makes trouble between order-api and a service that it calls.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};

/// Longer than a request takes on any machine. If it does not arrive, the test fails.
const LIMIT: Duration = Duration::from_secs(60);

/// What can happen to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The connection breaks before the request has arrived.
    LoseRequest,
    /// The request arrives, and the connection breaks before its reply does.
    LoseReply,
    /// The request does not arrive until it is let go. The connection stays open.
    HoldRequest,
    /// The request arrives, but its reply does not until it is let go. The connection stays open.
    HoldReply,
}

/// A proxy between order-api and one service.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    rules: Arc<Mutex<Vec<Rule>>>,
    happened: Arc<Semaphore>,
    let_go: Arc<Notify>,
}

#[derive(Debug)]
struct Rule {
    head: String,
    ends_with: String,
    trouble: Trouble,
    times: usize,
}

impl Proxy {
    /// A proxy in front of the server at `target`.
    pub(crate) async fn before(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let proxy = Self {
            address: listener.local_addr().expect("the port"),
            rules: Arc::default(),
            happened: Arc::new(Semaphore::new(0)),
            let_go: Arc::default(),
        };
        let connections = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connections.clone().pass_on(client, target));
            }
        });
        proxy
    }

    /// Makes trouble for the next `times` requests whose request line begins with `head` (`POST /internal/wallets`) and whose
    /// path ends with `ends_with`.
    pub(crate) fn trouble(&self, head: &str, ends_with: &str, trouble: Trouble, times: usize) {
        let (head, ends_with) = (head.to_owned(), ends_with.to_owned());
        self.rules.lock().expect("no test panicked here").push(Rule { head, ends_with, trouble, times });
    }

    /// Loses every request from now on.
    pub(crate) fn down(&self) {
        self.trouble("", "", Trouble::LoseRequest, usize::MAX);
    }

    /// Makes no more trouble, and forgets the trouble that nobody has waited for ([`happened`](Self::happened)).
    pub(crate) fn heal(&self) {
        self.happened.forget_permits(usize::MAX);
        self.rules.lock().expect("no test panicked here").clear();
    }

    /// Waits until trouble has happened once more. For a lost or held reply: until the service has sent it.
    pub(crate) async fn happened(&self) {
        let happened = tokio::time::timeout(LIMIT, self.happened.acquire()).await;
        happened.expect("no trouble happened in time").expect("it is never closed").forget();
    }

    /// Passes on the requests and replies that are held.
    pub(crate) fn let_go(&self) {
        self.let_go.notify_waiters();
    }

    async fn hold(&self) {
        let let_go = self.let_go.notified();
        self.happened.add_permits(1);
        let_go.await;
    }

    fn trouble_with(&self, sent: &[u8]) -> Option<Trouble> {
        let text = String::from_utf8_lossy(sent);
        let line = text.lines().next()?;
        let (head, version) = line.rsplit_once(' ')?;
        if !version.starts_with("HTTP/") {
            return None;
        }
        let mut rules = self.rules.lock().expect("no test panicked here");
        let rule = rules
            .iter_mut()
            .find(|rule| rule.times > 0 && head.starts_with(&rule.head) && head.ends_with(&rule.ends_with))?;
        rule.times -= 1;
        Some(rule.trouble)
    }

    async fn pass_on(self, mut client: TcpStream, target: SocketAddr) {
        let Ok(mut server) = TcpStream::connect(target).await else { return };
        let (mut sent, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
        let mut trouble = None;
        loop {
            tokio::select! {
                read = client.read(&mut sent) => {
                    let Ok(count @ 1..) = read else { return };
                    trouble = self.trouble_with(&sent[..count]).or(trouble);
                    match trouble {
                        Some(Trouble::LoseRequest) => return self.happened.add_permits(1),
                        Some(Trouble::HoldRequest) => {
                            trouble = None;
                            self.hold().await;
                        }
                        Some(Trouble::LoseReply | Trouble::HoldReply) | None => {}
                    }
                    if server.write_all(&sent[..count]).await.is_err() { return }
                }
                read = server.read(&mut answered) => {
                    let Ok(count @ 1..) = read else { return };
                    match trouble.take() {
                        Some(Trouble::LoseReply) => return self.happened.add_permits(1),
                        Some(Trouble::HoldReply) => self.hold().await,
                        Some(Trouble::LoseRequest | Trouble::HoldRequest) | None => {}
                    }
                    if client.write_all(&answered[..count]).await.is_err() { return }
                }
            }
        }
    }
}
