//! The five services: their ports, and how they are started.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::error::StackError;
use crate::home::Home;
use crate::launch::Launch;
use crate::parts::PartPlan;
use crate::ports::Ports;
use crate::probe::Probe;
use crate::secrets::Secrets;

/// How long a service may take to become ready on a busy machine, and to drain after SIGTERM.
const PATIENCE: Duration = Duration::from_mins(1);
/// All other services read their settings from it.
pub(crate) const CONFIG_SERVER: &str = "config-server";
pub(crate) const GATEWAY: &str = "gateway";

/// A service.
#[derive(Debug)]
pub struct ServiceKind {
    /// The name of its package and its binary, in Consul and in config-server.
    pub name: &'static str,
    /// The port on which it serves, if that is free.
    pub(crate) standard_port: u16,
    /// The port of its management interface, if that is free.
    pub(crate) standard_management_port: u16,
    /// Its schema, if it has one.
    pub(crate) schema: Option<&'static str>,
    /// Whether it uses Redis.
    pub(crate) uses_redis: bool,
    /// Whether it calls other services, and so signs service tokens.
    pub(crate) calls_services: bool,
}

/// The five services, in the order in which they start.
pub const SERVICES: [ServiceKind; 5] = [
    ServiceKind {
        name: CONFIG_SERVER,
        standard_port: 8888,
        standard_management_port: 9888,
        schema: None,
        uses_redis: false,
        calls_services: false,
    },
    ServiceKind {
        name: "member-api",
        standard_port: 8090,
        standard_management_port: 9090,
        schema: Some("member"),
        uses_redis: true,
        calls_services: true,
    },
    ServiceKind {
        name: "store-api",
        standard_port: 8091,
        standard_management_port: 9091,
        schema: Some("store"),
        uses_redis: false,
        calls_services: false,
    },
    ServiceKind {
        name: "order-api",
        standard_port: 8092,
        standard_management_port: 9092,
        schema: Some("orders"),
        uses_redis: true,
        calls_services: true,
    },
    ServiceKind {
        name: GATEWAY,
        standard_port: 8080,
        standard_management_port: 9080,
        schema: None,
        uses_redis: true,
        calls_services: true,
    },
];

/// The ports of an instance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServicePorts {
    pub(crate) serving: u16,
    pub(crate) management: u16,
}

impl ServicePorts {
    pub(crate) fn choose(kind: &ServiceKind, ports: &mut Ports) -> io::Result<Self> {
        Ok(Self {
            serving: ports.choose(kind.standard_port)?,
            management: ports.choose(kind.standard_management_port)?,
        })
    }

    /// Ports for a further instance. The gateways share the port at which clients call them.
    pub(crate) fn further(app: &str, first: Self, ports: &mut Ports) -> io::Result<Self> {
        let serving = if app == GATEWAY { first.serving } else { ports.choose_any()? };
        Ok(Self { serving, management: ports.choose_any()? })
    }

    pub(crate) fn url(self) -> String {
        format!("http://127.0.0.1:{}", self.serving)
    }

    pub(crate) fn management_url(self) -> String {
        format!("http://127.0.0.1:{}", self.management)
    }
}

/// How config-server is started: with the settings in git, and those of this stack over them.
pub(crate) fn config_server_plan(
    program: &Path,
    home: &Home,
    secrets: &Secrets,
    credentials: &Path,
    ports: ServicePorts,
) -> PartPlan {
    let launch = Launch::new(CONFIG_SERVER, program)
        .arg("--config-dir")
        .arg(home.checked_in_config())
        .arg("--config-dir")
        .arg(home.config())
        .arg("--key-file")
        .arg(secrets.opening_key_file())
        .arg("--credentials-file")
        .arg(credentials);
    plan(launch, ports)
}

/// How an instance of another service is started. The rest is in its settings.
pub(crate) fn service_plan(
    part: &str,
    app: &str,
    program: &Path,
    secrets: &Secrets,
    config_server_url: &str,
    ports: ServicePorts,
) -> PartPlan {
    let launch = Launch::new(part, program)
        .args(settings_flags(app, secrets, config_server_url))
        .args(["--listen", &format!("127.0.0.1:{}", ports.serving)])
        .args(["--management", &format!("127.0.0.1:{}", ports.management)]);
    plan(launch, ports)
}

/// A service's program with the flags by which it finds its settings, to run one of its commands.
pub(crate) fn command(app: &str, program: &Path, secrets: &Secrets, config_server_url: &str) -> Command {
    let mut command = Command::new(program);
    command.args(settings_flags(app, secrets, config_server_url));
    command
}

/// Creates an administrator by `member-api create-admin`.
pub fn create_admin(mut member_api: Command, email: &str, password: &str) -> Result<(), StackError> {
    let doing = "running `member-api create-admin`";
    let mut child = member_api
        .args(["create-admin", "--email", email])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(StackError::io(doing))?;
    if let Some(mut stdin) = child.stdin.take() {
        writeln!(stdin, "{password}").map_err(StackError::io(doing))?;
    }
    let output = child.wait_with_output().map_err(StackError::io(doing))?;
    if output.status.success() {
        return Ok(());
    }
    Err(StackError::Command {
        command: "member-api create-admin".to_owned(),
        status: output.status,
        output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

fn settings_flags(app: &str, secrets: &Secrets, config_server_url: &str) -> [OsString; 4] {
    [
        "--config-url".into(),
        config_server_url.into(),
        "--config-password-file".into(),
        secrets.config_password_file(app).into(),
    ]
}

fn plan(launch: Launch, ports: ServicePorts) -> PartPlan {
    PartPlan {
        launch,
        probe: Probe::ServiceIsReady(ports.management),
        address: ports.url(),
        patience: PATIENCE,
        exit_code: 0,
    }
}
