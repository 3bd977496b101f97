//! Whether a part is ready. It is asked in the same way as its clients do.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// A part that is ready answers well within this time.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The protocol version: the first byte of the greeting of MariaDB and MySQL, after a header of four bytes.
const MYSQL_PROTOCOL: u8 = 10;
const MYSQL_HEADER: usize = 4;

/// How to ask a part.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Probe {
    /// MariaDB and MySQL greet a client when they have read their init file.
    DatabaseGreets(u16),
    /// Redis answers PING with an error while it loads its data.
    RedisAnswers(u16),
    /// A Consul server accepts registrations when it is the leader.
    ConsulLeads(u16),
    /// Our services answer `/readyz` on their management port.
    ServiceIsReady(u16),
}

impl Probe {
    /// Whether it is ready. The error says what is missing.
    pub(crate) fn is_ready(self) -> Result<(), String> {
        match self {
            Self::DatabaseGreets(port) => database_greets(port),
            Self::RedisAnswers(port) => redis_answers(port),
            Self::ConsulLeads(port) => consul_leads(port),
            Self::ServiceIsReady(port) => readiness(port).map(drop),
        }
    }

    /// Whether its optional dependencies are up as well. Services start at the same time, and are ready before they have
    /// found each other.
    pub(crate) fn is_connected(self) -> Result<(), String> {
        self.is_connected_to_all_but(&BTreeSet::new())
    }

    /// As [`Self::is_connected`], but some dependencies may be down.
    pub(crate) fn is_connected_to_all_but(self, excused: &BTreeSet<String>) -> Result<(), String> {
        let down = self.missing()?;
        let down: Vec<&str> = down.difference(excused).map(String::as_str).collect();
        if down.is_empty() { Ok(()) } else { Err(format!("it has not found {}", down.join(", "))) }
    }

    /// The dependencies of a ready part that are down.
    pub(crate) fn missing(self) -> Result<BTreeSet<String>, String> {
        let Self::ServiceIsReady(port) = self else { return self.is_ready().map(|()| BTreeSet::new()) };
        let report = readiness(port)?;
        let dependencies = report["dependencies"].as_object().into_iter().flatten();
        Ok(dependencies.filter(|(_, state)| state["status"] != "up").map(|(name, _)| name.clone()).collect())
    }
}

/// Whether Consul lists the instance of a service with this management port, and its check passes.
pub(crate) fn is_listed(consul: u16, app: &str, management: u16) -> Result<(), String> {
    let (_, listed) = get(&format!("http://127.0.0.1:{consul}/v1/health/service/{app}?passing=true"))?;
    // The last part of an id is the management port (`service_host`).
    let end = format!("-{management}");
    let mut ids = listed.as_array().into_iter().flatten().filter_map(|entry| entry["Service"]["ID"].as_str());
    if ids.any(|id| id.ends_with(&end)) {
        Ok(())
    } else {
        Err("Consul does not list it as healthy".to_owned())
    }
}

fn database_greets(port: u16) -> Result<(), String> {
    let greeting = read_some(port, b"", MYSQL_HEADER + 1).map_err(|error| no_answer(&error))?;
    match greeting.get(MYSQL_HEADER) {
        Some(&MYSQL_PROTOCOL) => Ok(()),
        _ => Err("it does not greet like MariaDB or MySQL".to_owned()),
    }
}

fn redis_answers(port: u16) -> Result<(), String> {
    let answer = read_some(port, b"PING\r\n", b"+PONG".len()).map_err(|error| no_answer(&error))?;
    if answer == b"+PONG" { Ok(()) } else { Err("it is still loading its data".to_owned()) }
}

fn consul_leads(port: u16) -> Result<(), String> {
    let (_, leader) = get(&format!("http://127.0.0.1:{port}/v1/status/leader"))?;
    match leader.as_str() {
        Some(leader) if !leader.is_empty() => Ok(()),
        _ => Err("it is not the leader yet".to_owned()),
    }
}

/// The readiness report of a service.
fn readiness(management: u16) -> Result<Value, String> {
    let (status, report) = get(&format!("http://127.0.0.1:{management}/readyz"))?;
    if status == 200 { Ok(report) } else { Err(format!("/readyz answers {status} {report}")) }
}

fn get(url: &str) -> Result<(u16, Value), String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .build()
        .into();
    let mut response = agent.get(url).call().map_err(|error| format!("no answer yet ({error})"))?;
    let status = response.status().as_u16();
    let body = response.body_mut().read_json().unwrap_or(Value::Null);
    Ok((status, body))
}

/// Connects, sends some bytes, and reads as many as wanted.
fn read_some(port: u16, words: &[u8], wanted: usize) -> io::Result<Vec<u8>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut connection = TcpStream::connect_timeout(&address, TIMEOUT)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.write_all(words)?;
    let mut answer = vec![0; wanted];
    connection.read_exact(&mut answer)?;
    Ok(answer)
}

fn no_answer(error: &io::Error) -> String {
    format!("no answer yet ({error})")
}
