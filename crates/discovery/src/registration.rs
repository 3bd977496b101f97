//! What a process registers in Consul.

use std::net::SocketAddr;
use std::time::Duration;

/// One process, in the form in which others find it.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The service that it is an instance of.
    pub name: String,
    /// Its id among all instances of all services. A process at the same address has the same id, so that a new process replaces
    /// a killed one in the list.
    pub id: String,
    /// The address at which it serves.
    pub address: SocketAddr,
    /// The address that Consul checks.
    pub check_url: String,
    /// How often Consul checks.
    pub check_interval: Duration,
}
