//! The address of this process for others.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use anyhow::Context;

use crate::settings::Server;

/// The address that Consul is told. If the process listens on all interfaces, it is an address of this machine, because others
/// can't use the address of all interfaces.
pub(crate) fn address(bound: SocketAddr, settings: &Server, consul_url: &str) -> anyhow::Result<SocketAddr> {
    let ip = match settings.advertise {
        Some(ip) => ip,
        None if bound.ip().is_unspecified() => towards(consul_url)?,
        None => bound.ip(),
    };
    Ok(SocketAddr::new(ip, bound.port()))
}

/// The address of this machine in the network of Consul. Connecting a UDP socket chooses a route and sends nothing.
fn towards(url: &str) -> anyhow::Result<IpAddr> {
    let url: reqwest::Url = url.parse().context("consul.url is not an address")?;
    let host = url.host_str().context("consul.url has no host")?;
    let port = url.port_or_known_default().context("consul.url has no port")?;
    let route = || {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.connect((host.trim_matches(['[', ']']), port))?;
        socket.local_addr()
    };
    let local = route().context("no address of this machine leads to Consul: set server.advertise")?;
    Ok(local.ip())
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
    fn for_all_interfaces_the_address_towards_consul_is_advertised() {
        assert_eq!(found_at("0.0.0.0:8090", None), "127.0.0.1:8090");
    }

    #[test]
    fn a_setting_has_precedence() {
        assert_eq!(found_at("0.0.0.0:8090", Some("10.1.2.3")), "10.1.2.3:8090");
    }
}
