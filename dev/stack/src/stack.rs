//! The whole stack: servers, settings and services.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, PoisonError};

use nix::sys::signal::Signal;

use crate::error::StackError;
use crate::home::Home;
use crate::lock::Running;
use crate::log_tail::LogTail;
use crate::overlay::{self, Inputs, Override};
use crate::parts::PartReport;
use crate::secrets::Secrets;
use crate::servers::Servers;
use crate::services::{self, CONFIG_SERVER, SERVICES, ServicePorts};

/// How the services are started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder of the five binaries.
    pub binaries: PathBuf,
    /// Settings with other values than in `config/`.
    pub overrides: Vec<Override>,
}

/// A running stack. Dropping it stops it; the processes of a throw-away stack are killed.
pub struct Stack {
    servers: Servers,
    binaries: PathBuf,
    /// The ports of all instances, by their names.
    instances: Mutex<BTreeMap<String, ServicePorts>>,
}

impl Stack {
    /// Starts the five services on running servers, and waits until all are ready and have found each other.
    pub fn start(servers: Servers, options: Options) -> Result<Self, StackError> {
        let Options { binaries, overrides } = options;
        let mut ports_of = BTreeMap::new();
        for kind in &SERVICES {
            let ports =
                ServicePorts::choose(kind, &mut servers.ports()).map_err(StackError::io("choosing ports"))?;
            ports_of.insert(kind.name, ports);
        }
        let apps: Vec<&str> = SERVICES.iter().map(|kind| kind.name).collect();
        let credentials = servers.secrets.write_credentials(&apps)?;
        overlay::write(&Inputs {
            home: servers.parts.home(),
            secrets: &servers.secrets,
            servers: servers.addresses,
            services: &ports_of,
            overrides: &overrides,
        })?;

        let config_server = ports_of[CONFIG_SERVER];
        servers.parts.start_together(vec![services::config_server_plan(
            &binaries,
            servers.parts.home(),
            &servers.secrets,
            &credentials,
            config_server,
        )])?;
        let plans = SERVICES
            .iter()
            .filter(|kind| kind.name != CONFIG_SERVER)
            .map(|kind| {
                let ports = ports_of[kind.name];
                services::service_plan(
                    kind.name,
                    kind.name,
                    &binaries,
                    &servers.secrets,
                    &config_server.url(),
                    ports,
                )
            })
            .collect();
        servers.parts.start_together(plans)?;
        servers.parts.wait_until_connected()?;

        let instances = ports_of.into_iter().map(|(name, ports)| (name.to_owned(), ports)).collect();
        let mut stack = Self { servers, binaries, instances: Mutex::new(instances) };
        stack.publish()?;
        Ok(stack)
    }

    /// Publishes the addresses of the stack for other processes of this checkout.
    fn publish(&mut self) -> Result<(), StackError> {
        let running = Running {
            pid: std::process::id(),
            gateway: self.gateway_url(),
            config_server: self.instances()[CONFIG_SERVER].url(),
            binaries: self.binaries.clone(),
        };
        match &mut self.servers.lock {
            Some(lock) => lock.publish(&running),
            None => Ok(()),
        }
    }

    /// The address of the gateway.
    pub fn gateway_url(&self) -> String {
        self.instances()["gateway"].url()
    }

    /// The address of an instance: "order-api", "order-api-2".
    pub fn url(&self, instance: &str) -> Result<String, StackError> {
        self.ports(instance).map(ServicePorts::url)
    }

    /// The address of the management interface of an instance.
    pub fn management_url(&self, instance: &str) -> Result<String, StackError> {
        self.ports(instance).map(ServicePorts::management_url)
    }

    /// The servers.
    pub fn servers(&self) -> &Servers {
        &self.servers
    }

    /// Starts a further instance of a service, and gives its name.
    pub fn add_instance(&self, app: &str) -> Result<String, StackError> {
        let name = {
            let instances = self.instances();
            if !instances.contains_key(app) || app == CONFIG_SERVER {
                return Err(StackError::UnknownPart(app.to_owned()));
            }
            let mut number = 2;
            while instances.contains_key(&format!("{app}-{number}")) {
                number += 1;
            }
            format!("{app}-{number}")
        };
        let ports = ServicePorts::any(&mut self.servers.ports()).map_err(StackError::io("choosing ports"))?;
        let plan = services::service_plan(
            &name,
            app,
            &self.binaries,
            &self.servers.secrets,
            &self.ports(CONFIG_SERVER)?.url(),
            ports,
        );
        self.servers.parts.start_together(vec![services::with_ports(plan, ports)])?;
        self.instances().insert(name.clone(), ports);
        Ok(name)
    }

    /// Stops an added instance and removes it.
    pub fn remove_instance(&self, name: &str) -> Result<(), StackError> {
        self.servers.parts.remove(name)?;
        self.instances().remove(name);
        Ok(())
    }

    /// Kills a part with SIGKILL: an instance of a service, `mariadb`, `redis` or `consul`. Returns when it is gone.
    pub fn kill(&self, part: &str) -> Result<(), StackError> {
        self.servers.parts.kill(part)
    }

    /// Stops a part with SIGTERM, and gives its exit status. `None` if it did not run.
    pub fn stop(&self, part: &str) -> Result<Option<ExitStatus>, StackError> {
        self.servers.parts.stop(part)
    }

    /// Starts a part that was killed or stopped, with the same ports, and waits until it is ready.
    pub fn start_again(&self, part: &str) -> Result<(), StackError> {
        self.servers.parts.start_again(part)
    }

    /// Changes a setting. A process reads it at its next start.
    pub fn change_setting(&self, change: &Override) -> Result<(), StackError> {
        overlay::change(self.servers.home(), change)
    }

    /// Pauses a part (SIGSTOP), like a machine that is overloaded or being moved.
    pub fn pause(&self, part: &str) -> Result<(), StackError> {
        self.servers.parts.signal(part, Signal::SIGSTOP)
    }

    /// Resumes a paused part (SIGCONT).
    pub fn resume(&self, part: &str) -> Result<(), StackError> {
        self.servers.parts.signal(part, Signal::SIGCONT)
    }

    /// The state of a part.
    pub fn part(&self, part: &str) -> Result<PartReport, StackError> {
        self.servers.parts.report(part)
    }

    /// The states of all parts, in the order of their start.
    pub fn parts(&self) -> Vec<PartReport> {
        self.servers.parts.reports()
    }

    /// The parts that have ended by themselves since the last call.
    pub fn take_exited(&self) -> Vec<(String, ExitStatus)> {
        self.servers.parts.take_exited()
    }

    /// The end of a part's log.
    pub fn log_tail(&self, part: &str) -> LogTail {
        self.servers.log_tail(part)
    }

    /// A service's binary with its settings, to run one of its commands: `member-api create-admin`.
    pub fn command(&self, app: &str) -> Result<Command, StackError> {
        let url = self.ports(CONFIG_SERVER)?.url();
        Ok(services::command(app, &self.binaries, &self.servers.secrets, &url))
    }

    /// Creates an administrator. Administrators can't sign up by the API.
    pub fn create_admin(&self, email: &str, password: &str) -> Result<(), StackError> {
        services::create_admin(self.command("member-api")?, email, password)
    }

    /// Drains and stops everything in order, and waits for it.
    pub fn shut_down(self) -> Result<(), StackError> {
        self.servers.shut_down()
    }

    fn ports(&self, instance: &str) -> Result<ServicePorts, StackError> {
        self.instances().get(instance).copied().ok_or_else(|| StackError::UnknownPart(instance.to_owned()))
    }

    fn instances(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, ServicePorts>> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// As [`Stack::command`], for the lasting stack of a checkout that another process holds.
    pub fn command(&self, checkout: &Path, app: &str) -> Command {
        let secrets = Secrets::open(&Home::lasting(checkout));
        services::command(app, &self.binaries, &secrets, &self.config_server)
    }

    /// The password of the operator at config-server.
    pub fn operator_password(&self, checkout: &Path) -> Result<String, StackError> {
        Secrets::open(&Home::lasting(checkout)).config_password("operator")
    }

    /// As [`Stack::create_admin`].
    pub fn create_admin(&self, checkout: &Path, email: &str, password: &str) -> Result<(), StackError> {
        services::create_admin(self.command(checkout, "member-api"), email, password)
    }
}
