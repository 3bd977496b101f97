//! A TCP proxy that makes the faults of a network and of a server that stands still.

use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

const BUFFER_BYTES: usize = 16 * 1024;
const BACKLOG: u32 = 1_024;

/// A TCP proxy before a server, which delays, stalls, cuts or refuses at a test's word.
///
/// All its tasks and connections end when it is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    faults: watch::Sender<Faults>,
    counts: watch::Sender<Counts>,
    accepting: AbortHandle,
}

/// What goes wrong at present.
#[derive(Clone, Debug)]
struct Faults {
    delay: RangeInclusive<Duration>,
    piece_bytes: usize,
    stalls_requests: bool,
    stalls_answers: bool,
    refuses: bool,
    /// A connection ends when this is not what it was at the connection's begin.
    cuts: u64,
    /// Nothing comes through a connection any more when this is not what it was at the connection's begin.
    losses: u64,
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    connections: usize,
    /// Pieces that a stall has held back, or still holds back.
    held: usize,
}

/// The direction of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Request,
    Answer,
}

/// How a connection sees the faults, and counts.
#[derive(Clone, Debug)]
struct Line {
    faults: watch::Receiver<Faults>,
    counts: watch::Sender<Counts>,
    /// [`Faults::losses`] at the connection's begin.
    losses: u64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO..=Duration::ZERO,
            piece_bytes: BUFFER_BYTES,
            stalls_requests: false,
            stalls_answers: false,
            refuses: false,
            cuts: 0,
            losses: 0,
        }
    }
}

impl Faults {
    fn stalls(&self, direction: Direction) -> bool {
        match direction {
            Direction::Request => self.stalls_requests,
            Direction::Answer => self.stalls_answers,
        }
    }
}

impl FaultProxy {
    /// A proxy to `server`, which is `host:port`. It makes no faults yet. Has to be made inside of a runtime.
    pub fn to(server: &str) -> Self {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        // It never listens. It keeps the port while connections are refused, that is, while nobody listens.
        let port_keeper = bound_socket(any_port);
        let address = port_keeper.local_addr().expect("a bound socket has an address");
        let listener = listen(address);
        let (faults, counts) = (watch::Sender::new(Faults::default()), watch::Sender::default());
        let line = Line { faults: faults.subscribe(), counts: counts.clone(), losses: 0 };
        let server = server.to_owned();
        let accepting = tokio::spawn(async move {
            accept_all(listener, &server, &line).await;
            drop(port_keeper);
        });
        Self { address, faults, counts, accepting: accepting.abort_handle() }
    }

    /// What clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Holds back each piece, in both directions, for a random time in `range`. Pieces stay in their order.
    pub fn delay(&self, range: RangeInclusive<Duration>) {
        self.faults.send_modify(|faults| faults.delay = range);
    }

    /// Passes on at most `bytes` at once, so that whoever reads sees answers in parts. Each part is a piece.
    pub fn split(&self, bytes: usize) {
        self.faults.send_modify(|faults| faults.piece_bytes = bytes.clamp(1, BUFFER_BYTES));
    }

    /// Keeps everything and says nothing, as a server that stands still: connections are accepted, and what is sent
    /// arrives after [`Self::restore`].
    pub fn stall(&self) {
        self.faults.send_modify(|faults| (faults.stalls_requests, faults.stalls_answers) = (true, true));
    }

    /// Keeps the answers only: the server does what it is asked, and nobody hears of it before [`Self::restore`].
    pub fn stall_answers(&self) {
        self.faults.send_modify(|faults| faults.stalls_answers = true);
    }

    /// Ends all connections. New ones are accepted.
    pub fn cut(&self) {
        self.faults.send_modify(|faults| faults.cuts += 1);
    }

    /// Loses all that is sent on the existing connections, for ever and without a word, as where a router has forgotten
    /// them. New ones work.
    pub fn lose_existing(&self) {
        self.faults.send_modify(|faults| faults.losses += 1);
    }

    /// Refuses new connections, as where nobody listens. The existing ones stay.
    pub fn refuse(&self) {
        self.faults.send_modify(|faults| faults.refuses = true);
    }

    /// Makes no more faults. What a stall has kept arrives.
    pub fn restore(&self) {
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

    /// Waits until stalls have held back `pieces` pieces since the proxy began. The caller sets the end of the wait.
    pub async fn wait_held(&self, pieces: usize) {
        let mut counts = self.counts.subscribe();
        counts.wait_for(|counts| counts.held >= pieces).await.expect("the sender lives in `self`");
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        // It owns the tasks of the connections, and they the connections.
        self.accepting.abort();
    }
}

fn bound_socket(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("an option of every socket");
    socket.set_reuseport(true).expect("an option of every socket");
    socket.bind(address).expect("a port that is free, or kept for this");
    socket
}

fn listen(address: SocketAddr) -> TcpListener {
    bound_socket(address).listen(BACKLOG).expect("a bound socket can listen")
}

async fn accept_all(listener: TcpListener, server: &str, line: &Line) {
    let address = listener.local_addr().expect("a listener has an address");
    let mut listener = Some(listener);
    let mut faults = line.faults.clone();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            changed = faults.changed() => {
                if changed.is_err() { return }
                let refuses = faults.borrow_and_update().refuses;
                listener = if refuses { None } else { listener.or_else(|| Some(listen(address))) };
            }
            accepted = accept(listener.as_ref()) => {
                let Ok(client) = accepted else { continue };
                let now = line.faults.borrow().clone();
                if now.refuses { continue }
                line.counts.send_modify(|counts| counts.connections += 1);
                let line = Line { losses: now.losses, ..line.clone() };
                connections.spawn(carry_until_cut(client, server.to_owned(), line, now.cuts));
            }
            // Forgets those that have ended.
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(client, _)| client),
        None => std::future::pending().await,
    }
}

async fn carry_until_cut(client: TcpStream, server: String, line: Line, cuts: u64) {
    let mut faults = line.faults.clone();
    tokio::select! {
        // Either side may break off at any time: that is an end like any other.
        _ = carry(client, &server, line) => {}
        _ = faults.wait_for(|faults| faults.cuts != cuts) => {}
    }
}

async fn carry(client: TcpStream, server: &str, line: Line) -> io::Result<()> {
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let requests = copy(from_client, to_server, Direction::Request, line.clone());
    let answers = copy(from_server, to_client, Direction::Answer, line);
    // An end of file is passed on, and the other direction goes on until its own.
    tokio::try_join!(requests, answers)?;
    Ok(())
}

async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    direction: Direction,
    mut line: Line,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let piece_bytes = line.faults.borrow().piece_bytes;
        let length = from.read(&mut buffer[..piece_bytes]).await?;
        line.hold_back(direction, length).await;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..length]).await?;
    }
}

impl Line {
    async fn hold_back(&mut self, direction: Direction, length: usize) {
        let delay = self.faults.borrow().delay.clone();
        if !delay.end().is_zero() {
            tokio::time::sleep(rand::random_range(delay)).await;
        }
        if self.faults.borrow().losses != self.losses {
            std::future::pending::<()>().await;
        }
        if self.faults.borrow().stalls(direction) {
            // The end of a connection waits as well, but is no piece.
            self.counts.send_modify(|counts| counts.held += usize::from(length > 0));
            // An error means that the proxy is gone; then so is this task, soon.
            let _ = self.faults.wait_for(|faults| !faults.stalls(direction)).await;
        }
    }
}
