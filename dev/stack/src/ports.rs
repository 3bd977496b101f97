//! Ports: the standard ones if they are free, otherwise random ones.
//!
//! Another program could take a port between its choice and its use. Other stacks do not: each locks a file for each of its
//! ports. Outgoing connections do not either: Linux takes their ports from another range.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use nix::unistd::getuid;
use rand::RngExt as _;

/// The range of random ports, below that of outgoing connections.
const RANGE: std::ops::Range<u16> = 20_000..32_000;
const TRIES: usize = 200;

/// A port of 127.0.0.1 that is free now, for a program that is no part of a stack.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Gives each port once, until it is given back.
#[derive(Debug)]
pub(crate) struct Ports {
    standard_when_free: bool,
    held: HashMap<u16, File>,
}

impl Ports {
    /// Gives standard ports if they are free.
    pub(crate) fn standard_when_free() -> Self {
        Self { standard_when_free: true, held: HashMap::new() }
    }

    /// Gives no standard ports, for stacks that run side by side.
    pub(crate) fn any() -> Self {
        Self { standard_when_free: false, held: HashMap::new() }
    }

    /// A free port on 127.0.0.1.
    pub(crate) fn choose(&mut self, standard: u16) -> io::Result<u16> {
        if self.standard_when_free && self.take(standard) {
            return Ok(standard);
        }
        self.choose_any()
    }

    /// A free random port.
    pub(crate) fn choose_any(&mut self) -> io::Result<u16> {
        let mut rng = rand::rng();
        (0..TRIES)
            .map(|_| rng.random_range(RANGE))
            .find(|port| self.take(*port))
            .ok_or_else(|| io::Error::new(io::ErrorKind::AddrInUse, "no free port found"))
    }

    /// Another instance or another stack may use the port again.
    pub(crate) fn give_back(&mut self, port: u16) {
        self.held.remove(&port);
    }

    fn take(&mut self, port: u16) -> bool {
        let Ok(lock) = lock(port) else { return false };
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if free {
            self.held.insert(port, lock);
        }
        free
    }
}

/// Locks a port against the other stacks of this user.
fn lock(port: u16) -> io::Result<File> {
    let folder: PathBuf = std::env::temp_dir().join(format!("dalkom-ports-{}", getuid()));
    fs::create_dir_all(&folder)?;
    let file = File::create(folder.join(port.to_string()))?;
    file.try_lock()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

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
        let (mut one, mut other) = (Ports::any(), Ports::any());
        let given: HashSet<u16> =
            (0..200).flat_map(|_| [one.choose(8080).unwrap(), other.choose(8080).unwrap()]).collect();
        assert_eq!(given.len(), 400);
    }

    #[test]
    fn a_port_that_was_given_back_is_free() {
        let mut ports = Ports::any();
        let port = ports.choose_any().unwrap();
        assert_ne!(Ports::standard_when_free().choose(port).unwrap(), port);
        ports.give_back(port);
        assert_eq!(Ports::standard_when_free().choose(port).unwrap(), port);
    }

    #[test]
    fn a_port_that_another_stack_has_chosen_is_taken() {
        let mut one = Ports::any();
        let port = one.choose_any().unwrap();
        assert_ne!(Ports::standard_when_free().choose(port).unwrap(), port);
        drop(one);
        assert_eq!(Ports::standard_when_free().choose(port).unwrap(), port);
    }
}
