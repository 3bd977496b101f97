//! Carrying bytes between a client and the server, with the faults that are made now.

use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::plan::{Lost, OfAnswer, Plan};

pub(super) const BUFFER_BYTES: usize = 16 * 1024;
const BACKLOG: u32 = 1_024;

/// The faults that are made now.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fault of its own, and they can be made together"
)]
#[derive(Clone, Debug)]
pub(super) struct Faults {
    pub(super) delay: RangeInclusive<Duration>,
    pub(super) piece_bytes: usize,
    pub(super) stalls_requests: bool,
    pub(super) stalls_answers: bool,
    pub(super) refuses: bool,
    /// New connections are accepted and end at once.
    pub(super) ends_new: bool,
    /// A connection ends when this has changed since it began.
    pub(super) cuts: u64,
    /// A connection passes nothing on any more when this has changed since it began.
    pub(super) losses: u64,
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) connections: usize,
    /// Pieces that stalls have held back, or still hold back.
    pub(super) held: usize,
}

/// What clients have sent since the test asked to record it.
pub(super) type Sent = Arc<Mutex<Option<Vec<u8>>>>;

/// The direction of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Request,
    Answer,
}

/// One connection's view of the faults.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) faults: watch::Receiver<Faults>,
    pub(super) counts: watch::Sender<Counts>,
    pub(super) plan: Plan,
    pub(super) of_answer: OfAnswer,
    pub(super) sent: Sent,
    /// [`Faults::losses`] when the connection began.
    pub(super) losses: u64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO..=Duration::ZERO,
            piece_bytes: BUFFER_BYTES,
            stalls_requests: false,
            stalls_answers: false,
            refuses: false,
            ends_new: false,
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

pub(super) fn bound_socket(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("an option of every socket");
    socket.set_reuseport(true).expect("an option of every socket");
    socket.bind(address).expect("a port that is free, or kept for this");
    socket
}

pub(super) fn listen(address: SocketAddr) -> TcpListener {
    bound_socket(address).listen(BACKLOG).expect("a bound socket can listen")
}

pub(super) async fn accept_all(listener: TcpListener, server: &str, connection: &Connection) {
    let address = listener.local_addr().expect("a listener has an address");
    let mut listener = Some(listener);
    let mut faults = connection.faults.clone();
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
                let now = connection.faults.borrow().clone();
                if now.refuses { continue }
                connection.counts.send_modify(|counts| counts.connections += 1);
                if now.ends_new { continue }
                let connection = Connection { losses: now.losses, of_answer: OfAnswer::default(), ..connection.clone() };
                connections.spawn(carry_until_cut(client, server.to_owned(), connection, now.cuts));
            }
            // Connections that have ended are forgotten.
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

async fn carry_until_cut(client: TcpStream, server: String, connection: Connection, cuts: u64) {
    let mut faults = connection.faults.clone();
    tokio::select! {
        // An error is an end like any other: either side may hang up at any time.
        _ = carry(client, &server, connection) => {}
        _ = faults.wait_for(|faults| faults.cuts != cuts) => {}
    }
}

async fn carry(client: TcpStream, server: &str, connection: Connection) -> io::Result<()> {
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let requests = copy(from_client, to_server, Direction::Request, connection.clone());
    let answers = copy(from_server, to_client, Direction::Answer, connection);
    // The end of one direction is passed on, and the other direction goes on until its own end.
    tokio::try_join!(requests, answers)?;
    Ok(())
}

async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    direction: Direction,
    mut connection: Connection,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let piece_bytes = connection.faults.borrow().piece_bytes;
        let length = from.read(&mut buffer[..piece_bytes]).await?;
        connection.make_request_fault(direction, &buffer[..length]).await?;
        connection.hold_back(direction, length).await;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..length]).await?;
    }
}

impl Connection {
    async fn make_request_fault(&self, direction: Direction, piece: &[u8]) -> io::Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        let made = match direction {
            Direction::Request => {
                if let Some(sent) = self.sent.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                    sent.extend_from_slice(piece);
                }
                self.plan.request(piece, &self.of_answer).await
            }
            Direction::Answer => self.plan.answer(&self.of_answer).await,
        };
        made.map_err(|Lost| io::ErrorKind::ConnectionReset.into())
    }

    async fn hold_back(&mut self, direction: Direction, length: usize) {
        let delay = self.faults.borrow().delay.clone();
        if !delay.end().is_zero() {
            tokio::time::sleep(rand::random_range(delay)).await;
        }
        if self.faults.borrow().losses != self.losses {
            std::future::pending::<()>().await;
        }
        if self.faults.borrow().stalls(direction) {
            // The end of a connection is held back as well, but is not a piece.
            self.counts.send_modify(|counts| counts.held += usize::from(length > 0));
            // An error means that the proxy is dropped, and this task with it.
            let _ = self.faults.wait_for(|faults| !faults.stalls(direction)).await;
        }
    }
}
