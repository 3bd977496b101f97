use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const BUFFER_BYTES: usize = 16 * 1024;

/// A TCP proxy before a server, to see how clients do without it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cable {
    address: SocketAddr,
    state: watch::Sender<State>,
    connections: Arc<AtomicUsize>,
    /// All that clients have sent through it.
    sent: Arc<Mutex<Vec<u8>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    /// Connections end at once, as where nobody listens.
    Cut,
    /// Connections are made, and nothing comes through them, as where a machine stands still.
    Blocked,
}

impl Cable {
    /// A cable to `host:port`.
    pub async fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let cable = Self {
            address: listener.local_addr().expect("a listener has an address"),
            state: watch::Sender::new(State::Whole),
            connections: Arc::default(),
            sent: Arc::default(),
        };
        let (connections, server) = (cable.clone(), server.to_owned());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                connections.connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(connections.clone().connect(client, server.clone()));
            }
        });
        cable
    }

    /// Its near end: what clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection, and every new one.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Lets nothing through any more, without a word.
    pub fn block(&self) {
        self.state.send_replace(State::Blocked);
    }

    /// Makes it whole again. What was held back arrives.
    pub fn mend(&self) {
        self.state.send_replace(State::Whole);
    }

    /// How many connections were asked for.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// How often clients have sent `words`.
    pub fn count(&self, words: &str) -> usize {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.windows(words.len()).filter(|window| *window == words.as_bytes()).count()
    }

    async fn connect(self, client: TcpStream, server: String) {
        let mut state = self.state.subscribe();
        tokio::select! {
            () = self.carry(client, &server) => {}
            // Ends where the cable is forgotten, too.
            _ = state.wait_for(|state| *state == State::Cut) => {}
        }
    }

    /// Carries bytes both ways, until either side ends.
    async fn carry(&self, mut client: TcpStream, server: &str) {
        let mut state = self.state.subscribe();
        let mut whole = async || state.wait_for(|state| *state == State::Whole).await.is_ok();
        let Ok(mut server) = TcpStream::connect(server).await else { return };
        let (mut up, mut down) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
        loop {
            tokio::select! {
                read = client.read(&mut up) => {
                    let Ok(length @ 1..) = read else { return };
                    self.sent.lock().unwrap_or_else(PoisonError::into_inner).extend(&up[..length]);
                    if !whole().await || server.write_all(&up[..length]).await.is_err() { return }
                }
                read = server.read(&mut down) => {
                    let Ok(length @ 1..) = read else { return };
                    if !whole().await || client.write_all(&down[..length]).await.is_err() { return }
                }
            }
        }
    }
}
