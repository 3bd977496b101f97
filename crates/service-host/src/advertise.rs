//! The address of this process for others.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};

use anyhow::Context;

use crate::settings::Server;

/// The address that Consul is told. If the process listens on all interfaces, it is an address of this machine, because others
/// can't use the address of all interfaces.
pub(crate) fn address(bound: SocketAddr, settings: &Server, consul_url: &str) -> anyhow::Result<SocketAddr> {
    let ip = match settings.advertise {
        Some(ip) => ip,
        None if bound.ip().is_unspecified() => for_others(consul_url)?,
        None => bound.ip(),
    };
    Ok(SocketAddr::new(ip, bound.port()))
}

/// Addresses for documentation (RFC 5737, RFC 3849). No machine has them, so the route to them is the one to the outside.
const OUTSIDE: [(&str, u16); 2] = [("192.0.2.1", 9), ("2001:db8::1", 9)];

/// The address of this machine in the network of Consul. A Consul agent on the loopback interface, for example in the same task,
/// tells the address to others on other machines. So the address is then the one towards the outside; that of loopback if there
/// is no way to the outside, because then all others are on this machine.
fn for_others(consul_url: &str) -> anyhow::Result<IpAddr> {
    let url: reqwest::Url = consul_url.parse().context("consul.url is not an address")?;
    let host = url.host_str().context("consul.url has no host")?;
    let port = url.port_or_known_default().context("consul.url has no port")?;
    let towards_consul = towards(host.trim_matches(['[', ']']), port)
        .context("no address of this machine leads to Consul: set server.advertise")?;
    if !towards_consul.is_loopback() {
        return Ok(towards_consul);
    }
    Ok(OUTSIDE.iter().find_map(|(host, port)| towards(host, *port).ok()).unwrap_or(towards_consul))
}

/// From which address this machine would send to another one. Connecting a UDP socket chooses a route and sends nothing.
fn towards(host: &str, port: u16) -> io::Result<IpAddr> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for other in (host, port).to_socket_addrs()? {
        let own: IpAddr =
            if other.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        match UdpSocket::bind((own, 0)).and_then(|socket| socket.connect(other).and(socket.local_addr())) {
            Ok(own) => return Ok(own.ip()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(address: &str, advertise: Option<&str>) -> Server {
        serde_json::from_value(serde_json::json!({"address": address, "advertise": advertise})).unwrap()
    }

    fn found_at(address_setting: &str, advertise: Option<&str>) -> String {
        let settings = server(address_setting, advertise);
        address(settings.address, &settings, "http://127.0.0.1:8500").unwrap().to_string()
    }

    #[test]
    fn the_address_of_one_interface_is_advertised() {
        assert_eq!(found_at("127.0.0.2:8090", None), "127.0.0.2:8090");
    }

    #[test]
    fn with_consul_on_loopback_the_address_towards_the_outside_is_advertised() {
        let found: SocketAddr = found_at("0.0.0.0:8090", None).parse().unwrap();
        assert_eq!(found.port(), 8090);
        assert!(!found.ip().is_unspecified());
        // The kernel's own list of routes says whether this machine has a way to the outside.
        let routes = std::fs::read_to_string("/proc/net/route").unwrap();
        let leads_outside = routes.lines().any(|route| route.split('\t').nth(1) == Some("00000000"));
        assert!(!found.ip().is_loopback() || !leads_outside, "{found}");
    }

    #[test]
    fn the_kernel_says_from_which_address_another_one_is_reached() {
        assert_eq!(towards("127.0.0.5", 8500).unwrap().to_string(), "127.0.0.1");
    }

    #[test]
    fn a_setting_has_precedence() {
        assert_eq!(found_at("0.0.0.0:8090", Some("10.1.2.3")), "10.1.2.3:8090");
    }
}
