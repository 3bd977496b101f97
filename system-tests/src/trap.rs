//! Stopping the world at one statement of one service.
//!
//! A service's database lies behind a TCP proxy. MySQL's protocol is a conversation, request and reply, so what
//! a client sends at once is one request: a statement, or a part of the handshake. A trap is sprung at the n-th
//! request, either before the database hears of it or when the database has carried it out and the reply is on
//! its way. Setting traps at 1, 2, 3 … visits every moment that differs for what is durable, without a hook in
//! the services.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// On which side of a request the world stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The database never hears of it.
    BeforeRequest,
    /// The database has done it; the reply is lost.
    BeforeReply,
    /// The database hears of it when the trap is through. Nothing is lost.
    HeldBack,
}

type Spring = Box<dyn FnOnce() + Send>;

struct Trap {
    requests_until: usize,
    moment: Moment,
    spring: Spring,
}

/// A way to the database in which traps can be set.
#[derive(Clone)]
pub struct Proxy {
    address: SocketAddr,
    trap: Arc<Mutex<Option<Trap>>>,
}

impl Proxy {
    /// A proxy before the server at a port of this machine.
    ///
    /// # Panics
    /// If no port is free.
    pub fn before(server_port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let proxy = Self { address, trap: Arc::default() };
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, server_port));
        let trap = proxy.trap.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A server that is down is seen by the client as one that hangs up.
                if let Ok(server) = TcpStream::connect(server) {
                    join(client, server, &trap);
                }
            }
        });
        proxy
    }

    /// Its own port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Sets the trap at the `nth` request from now on, counted from 1.
    pub fn set(&self, nth: usize, moment: Moment, spring: impl FnOnce() + Send + 'static) {
        *lock(&self.trap) = Some(Trap { requests_until: nth, moment, spring: Box::new(spring) });
    }

    /// Takes the trap away; false where it was sprung, or is being sprung.
    pub fn take_away(&self) -> bool {
        lock(&self.trap).take().is_some()
    }
}

/// Carries bytes both ways, until either side ends.
fn join(client: TcpStream, server: TcpStream, trap: &Arc<Mutex<Option<Trap>>>) {
    let prepare = || {
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        Ok::<_, io::Error>((client.try_clone()?, server.try_clone()?))
    };
    let Ok((client_again, server_again)) = prepare() else { return };
    let at_reply: Arc<Mutex<Option<Spring>>> = Arc::default();
    let (trap, for_requests) = (trap.clone(), at_reply.clone());
    let at_request = move || {
        let (moment, spring) = count(&trap)?;
        match moment {
            Moment::BeforeRequest => Some(spring),
            Moment::BeforeReply => {
                *lock(&for_requests) = Some(spring);
                None
            }
            Moment::HeldBack => {
                spring();
                None
            }
        }
    };
    thread::spawn(move || carry(client, server, at_request));
    thread::spawn(move || carry(server_again, client_again, || lock(&at_reply).take()));
}

/// Counts a request, and gives the trap if it is set at this one.
fn count(trap: &Mutex<Option<Trap>>) -> Option<(Moment, Spring)> {
    let mut place = lock(trap);
    let set = place.as_mut()?;
    set.requests_until = set.requests_until.saturating_sub(1);
    if set.requests_until > 0 {
        return None;
    }
    place.take().map(|trap| (trap.moment, trap.spring))
}

/// Copies from one side to the other. What `sprung` gives is called in place of passing on what has come, and
/// ends it.
fn carry(mut from: TcpStream, mut to: TcpStream, sprung: impl Fn() -> Option<Spring>) {
    let mut copy = || -> io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = from.read(&mut buffer)?;
            if length == 0 {
                return Ok(());
            }
            if let Some(spring) = sprung() {
                spring();
                return Ok(());
            }
            to.write_all(&buffer[..length])?;
        }
    };
    // Either side may hang up at any time: that is the end, not a fault.
    let _ = copy();
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// A server that answers each byte with the next one, and a proxy before it.
    fn echo() -> (Proxy, TcpStream, std::sync::mpsc::Receiver<u8>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Proxy::before(listener.local_addr().unwrap().port());
        let (heard, hearing) = channel();
        thread::spawn(move || {
            let (mut peer, _) = listener.accept().unwrap();
            let mut byte = [0];
            while peer.read(&mut byte).unwrap_or(0) == 1 {
                heard.send(byte[0]).unwrap();
                peer.write_all(&[byte[0] + 1]).unwrap();
            }
        });
        let client = TcpStream::connect(proxy.address).unwrap();
        (proxy, client, hearing)
    }

    fn ask(client: &mut TcpStream, question: u8) -> Option<u8> {
        let mut answer = [0];
        client.write_all(&[question]).ok()?;
        client.read_exact(&mut answer).ok()?;
        Some(answer[0])
    }

    #[test]
    fn a_trap_before_a_request_keeps_it_from_the_server() {
        let (proxy, mut client, heard) = echo();
        let (sprung, springing) = channel();
        proxy.set(2, Moment::BeforeRequest, move || sprung.send(()).unwrap());

        assert_eq!(ask(&mut client, 1), Some(2));
        assert_eq!(ask(&mut client, 5), None);

        springing.recv().unwrap();
        assert_eq!(heard.iter().collect::<Vec<_>>(), [1]);
        assert!(!proxy.take_away());
    }

    #[test]
    fn a_trap_before_a_reply_lets_the_server_do_it() {
        let (proxy, mut client, heard) = echo();
        let (sprung, springing) = channel();
        proxy.set(1, Moment::BeforeReply, move || sprung.send(()).unwrap());

        assert_eq!(ask(&mut client, 5), None);

        springing.recv().unwrap();
        assert_eq!(heard.iter().collect::<Vec<_>>(), [5]);
    }

    #[test]
    fn a_request_that_is_held_back_arrives_when_the_trap_is_through() {
        let (proxy, mut client, heard) = echo();
        let (go_on, waiting) = channel();
        let (sprung, springing) = channel();
        proxy.set(1, Moment::HeldBack, move || {
            sprung.send(()).unwrap();
            waiting.recv().unwrap();
        });

        client.write_all(&[5]).unwrap();
        springing.recv().unwrap();
        assert!(heard.try_recv().is_err());
        go_on.send(()).unwrap();

        assert_eq!(heard.recv(), Ok(5));
        assert_eq!(ask(&mut client, 6), Some(6));
    }

    #[test]
    fn a_trap_that_is_taken_away_is_not_sprung() {
        let (proxy, mut client, _heard) = echo();
        proxy.set(2, Moment::BeforeRequest, || panic!("sprung"));
        assert_eq!(ask(&mut client, 1), Some(2));

        assert!(proxy.take_away());

        assert_eq!(ask(&mut client, 3), Some(4));
    }
}
