//! Ports: the standard ones when they are free, others when not.

use std::collections::HashSet;
use std::io;
use std::net::{Ipv4Addr, TcpListener};

use rand::RngExt as _;

/// Where free ports are looked for: below the range from which Linux takes the ports of outgoing connections, so
/// that none of those can take a port between its choice and its use.
const RANGE: std::ops::Range<u16> = 20_000..32_000;
const TRIES: usize = 200;

/// Hands out each port once.
#[derive(Debug)]
pub(crate) struct Ports {
    standard_when_free: bool,
    given: HashSet<u16>,
}

impl Ports {
    /// Prefers standard ports.
    pub(crate) fn standard_when_free() -> Self {
        Self { standard_when_free: true, given: HashSet::new() }
    }

    /// Never takes a standard port: many stacks run side by side.
    pub(crate) fn any() -> Self {
        Self { standard_when_free: false, given: HashSet::new() }
    }

    /// A port on 127.0.0.1 that nobody listens on.
    pub(crate) fn choose(&mut self, standard: u16) -> io::Result<u16> {
        if self.standard_when_free && self.take(standard) {
            return Ok(standard);
        }
        self.choose_any()
    }

    /// A port without a standard number.
    pub(crate) fn choose_any(&mut self) -> io::Result<u16> {
        let mut random = rand::rng();
        (0..TRIES)
            .map(|_| random.random_range(RANGE))
            .find(|port| self.take(*port))
            .ok_or_else(|| io::Error::new(io::ErrorKind::AddrInUse, "no free port found"))
    }

    fn take(&mut self, port: u16) -> bool {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && self.given.insert(port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standard_port_is_used_when_it_is_free_and_not_when_it_is_taken() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();

        let elsewhere = Ports::standard_when_free().choose(port).unwrap();
        assert_ne!(elsewhere, port);
        assert!(RANGE.contains(&elsewhere));

        drop(taken);
        assert_eq!(Ports::standard_when_free().choose(port).unwrap(), port);
    }

    #[test]
    fn no_port_is_given_twice() {
        let mut ports = Ports::any();
        let given: HashSet<u16> = (0..50).map(|_| ports.choose(8080).unwrap()).collect();
        assert_eq!(given.len(), 50);
    }
}
