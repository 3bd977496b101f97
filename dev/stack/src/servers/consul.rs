//! Consul: one server, which is its own leader.

use std::io;
use std::time::Duration;

use crate::error::StackError;
use crate::parts::PartPlan;
use crate::ports::Ports;
use crate::probe::Probe;
use crate::secrets::Secrets;
use crate::tools::Program;

const PATIENCE: Duration = Duration::from_secs(30);

/// The ports for other Consul servers, of which there are none.
pub(super) struct PeerPorts {
    server: u16,
    serf_lan: u16,
    serf_wan: u16,
}

impl PeerPorts {
    /// Never the standard ports, so that it can't find another Consul of the machine.
    pub(super) fn choose(ports: &mut Ports) -> io::Result<Self> {
        Ok(Self { server: ports.choose_any()?, serf_lan: ports.choose_any()?, serf_wan: ports.choose_any()? })
    }
}

/// In memory (`-dev`), also in a lasting stack: it stores only who is alive, and the services register at each start. So it
/// is the leader after a tenth of a second instead of more than one second.
///
/// Its access control allows everything to who has no token, and holds others to what their token allows. So the services
/// need none, and tests can have some.
pub(super) fn plan(
    program: &Program,
    port: u16,
    peers: &PeerPorts,
    secrets: &Secrets,
) -> Result<PartPlan, StackError> {
    let management = if program.version.is_at_least((1, 11)) { "initial_management" } else { "master" };
    let acl = format!(
        r#"acl {{ enabled = true, default_policy = "allow", tokens {{ {management} = "{}" }} }}"#,
        secrets.consul_token("management")?
    );
    let mut launch = program
        .launch("consul")
        .args(["agent", "-dev", "-node=dalkom", "-bind=127.0.0.1", "-client=127.0.0.1", "-log-level=warn"])
        .args([format!("-http-port={port}"), "-dns-port=-1".to_owned(), "-grpc-port=-1".to_owned()])
        .args([
            format!("-server-port={}", peers.server),
            format!("-serf-lan-port={}", peers.serf_lan),
            format!("-serf-wan-port={}", peers.serf_wan),
        ])
        .args(["-hcl=connect { enabled = false }", "-hcl=disable_update_check = true"])
        .arg(format!("-hcl={acl}"))
        .args(["-hcl=telemetry { disable_hostname = true }"]);
    if program.version.is_at_least((1, 14)) {
        launch = launch.arg("-grpc-tls-port=-1");
    }
    Ok(PartPlan {
        launch,
        probe: Probe::ConsulLeads(port),
        address: format!("http://127.0.0.1:{port}"),
        patience: PATIENCE,
        // Leaving its cluster in order would take seconds. There is no other server in it.
        exit_code: 1,
    })
}
