//! The whole stack: servers, settings and services.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::signal::Signal;

use crate::error::StackError;
use crate::home::Home;
use crate::lock::Running;
use crate::log_tail::LogTail;
use crate::overlay::{self, Inputs, Override};
use crate::parts::{PartPlan, PartReport};
use crate::probe::{Probe, is_listed};
use crate::programs;
use crate::secrets::Secrets;
use crate::servers::Servers;
use crate::services::{self, CONFIG_SERVER, GATEWAY, SERVICES, ServicePorts};

/// How the services are started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder of the five binaries.
    pub binaries: PathBuf,
    /// Settings with other values than in `config/`.
    pub overrides: Vec<Override>,
    /// The number of instances of a service, if there is to be more than one. config-server has one.
    pub instances: BTreeMap<String, u16>,
}

/// A running stack. Dropping it stops it; the processes of a throw-away stack are killed.
pub struct Stack {
    servers: Servers,
    /// The program of each service.
    programs: Mutex<BTreeMap<&'static str, PathBuf>>,
    /// All instances, by their names.
    instances: Mutex<BTreeMap<String, Instance>>,
    /// Held while instances are replaced.
    pub(crate) rolling: Mutex<()>,
}

/// An instance of a service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instance {
    pub(crate) app: &'static str,
    pub(crate) ports: ServicePorts,
}

impl Stack {
    /// Starts the services on running servers, and waits until all are ready and have found each other.
    pub fn start(servers: Servers, options: Options) -> Result<Self, StackError> {
        let Options { binaries, overrides, instances: counts } = options;
        let home = servers.parts.home();
        programs::remove_unused(home, &[])?;
        let (mut ports_of, mut programs, mut instances) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for kind in &SERVICES {
            let choosing = || StackError::io("choosing ports");
            let first = ServicePorts::choose(kind, &mut servers.ports()).map_err(choosing())?;
            ports_of.insert(kind.name, first);
            instances.insert(kind.name.to_owned(), Instance { app: kind.name, ports: first });
            for number in 2..=counts.get(kind.name).copied().unwrap_or(1) {
                let ports =
                    ServicePorts::further(kind.name, first, &mut servers.ports()).map_err(choosing())?;
                instances.insert(format!("{}-{number}", kind.name), Instance { app: kind.name, ports });
            }
            programs.insert(kind.name, programs::keep(home, kind.name, &binaries.join(kind.name))?);
        }
        overlay::write(&Inputs {
            home,
            secrets: &servers.secrets,
            servers: servers.addresses,
            services: &ports_of,
            overrides: &overrides,
        })?;

        let stack = Self {
            servers,
            programs: Mutex::new(programs),
            instances: Mutex::new(instances.clone()),
            rolling: Mutex::default(),
        };
        let plan = |name: &str| {
            stack.plan(name, instances[name].app, &stack.program(instances[name].app), instances[name].ports)
        };
        stack.servers.parts.start_together(vec![plan(CONFIG_SERVER)?])?;
        let others = instances.keys().filter(|name| *name != CONFIG_SERVER);
        stack.servers.parts.start_together(others.map(|name| plan(name)).collect::<Result<_, _>>()?)?;
        stack.servers.parts.wait_until_connected()?;
        stack.publish()?;
        Ok(stack)
    }

    /// How an instance is started.
    pub(crate) fn plan(
        &self,
        name: &str,
        app: &str,
        program: &Path,
        ports: ServicePorts,
    ) -> Result<PartPlan, StackError> {
        let Servers { parts, secrets, .. } = &self.servers;
        if app == CONFIG_SERVER {
            let apps: Vec<&str> = SERVICES.iter().map(|kind| kind.name).collect();
            let credentials = secrets.write_credentials(&apps)?;
            return Ok(services::config_server_plan(program, parts.home(), secrets, &credentials, ports));
        }
        let config_server = self.ports(CONFIG_SERVER)?.url();
        Ok(services::service_plan(name, app, program, secrets, &config_server, ports))
    }

    /// Publishes the addresses of the stack for other processes of this checkout.
    pub(crate) fn publish(&self) -> Result<(), StackError> {
        let Some(lock) = &self.servers.lock else { return Ok(()) };
        let programs = self.programs().clone();
        lock.publish(&Running {
            pid: std::process::id(),
            gateway: self.gateway_url(),
            config_server: self.ports(CONFIG_SERVER)?.url(),
            programs: programs.into_iter().map(|(app, program)| (app.to_owned(), program)).collect(),
        })
    }

    /// The address of the gateway.
    pub fn gateway_url(&self) -> String {
        self.instances()[GATEWAY].ports.url()
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
        let Some(first) = self.instances().get(app).copied().filter(|_| app != CONFIG_SERVER) else {
            return Err(StackError::UnknownPart(app.to_owned()));
        };
        let Instance { app, ports: first } = first;
        let ports = ServicePorts::further(app, first, &mut self.servers.ports())
            .map_err(StackError::io("choosing ports"))?;
        let name = {
            let mut instances = self.instances();
            let is_taken = |number: &u32| instances.contains_key(&format!("{app}-{number}"));
            let number = (2..u32::MAX).find(|number| !is_taken(number)).unwrap_or(u32::MAX);
            let name = format!("{app}-{number}");
            instances.insert(name.clone(), Instance { app, ports });
            name
        };
        let plan = self.plan(&name, app, &self.program(app), ports)?;
        self.servers.parts.start_together(vec![plan])?;
        Ok(name)
    }

    /// Stops an added instance and removes it.
    pub fn remove_instance(&self, name: &str) -> Result<(), StackError> {
        self.servers.parts.remove(name)?;
        let removed = self.instances().remove(name);
        if let Some(Instance { app, ports }) = removed {
            let mut held = self.servers.ports();
            held.give_back(ports.management);
            if app != GATEWAY {
                held.give_back(ports.serving);
            }
        }
        Ok(())
    }

    /// Kills a part with SIGKILL: an instance of a service, `mariadb`, `redis` or `consul`. Returns when it is gone.
    pub fn kill(&self, part: &str) -> Result<(), StackError> {
        self.servers.parts.kill(part)
    }

    /// Kills a part with SIGKILL, and does not note it: the part has ended by itself.
    pub fn crash(&self, part: &str) -> Result<(), StackError> {
        self.servers.parts.signal(part, Signal::SIGKILL)
    }

    /// Stops a part with SIGTERM, and gives its exit status. `None` if it did not run.
    pub fn stop(&self, part: &str) -> Result<Option<ExitStatus>, StackError> {
        self.servers.parts.stop(part)
    }

    /// Starts a part that was killed or stopped, with the same ports, and waits until it is ready.
    pub fn start_again(&self, part: &str) -> Result<(), StackError> {
        self.servers.parts.start_again(part)
    }

    /// Changes a setting. If it is a live one, the running processes take it soon; any other takes effect when a process starts
    /// again.
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

    /// Whether every instance is connected to all that it uses, and listed as healthy in Consul.
    pub fn is_connected(&self) -> bool {
        let consul = self.servers.addresses.consul;
        let instances = self.instances().clone();
        instances.values().all(|Instance { app, ports }| {
            let probe = Probe::ServiceIsReady(ports.management);
            probe.is_connected().and_then(|()| is_listed(consul, app, ports.management)).is_ok()
        })
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
        let program = self.programs().get(app).cloned();
        let program = program.ok_or_else(|| StackError::UnknownPart(app.to_owned()))?;
        Ok(services::command(app, &program, &self.servers.secrets, &url))
    }

    /// Creates an administrator. Administrators can't sign up by the API.
    pub fn create_admin(&self, email: &str, password: &str) -> Result<(), StackError> {
        services::create_admin(self.command("member-api")?, email, password)
    }

    /// Drains and stops everything in order, and waits for it.
    pub fn shut_down(self) -> Result<(), StackError> {
        self.servers.shut_down()
    }

    pub(crate) fn ports(&self, instance: &str) -> Result<ServicePorts, StackError> {
        let found = self.instances().get(instance).copied();
        found.map(|found| found.ports).ok_or_else(|| StackError::UnknownPart(instance.to_owned()))
    }

    /// The names of the instances of a service.
    pub(crate) fn names_of(&self, app: &str) -> Vec<String> {
        let instances = self.instances();
        instances.iter().filter(|(_, instance)| instance.app == app).map(|(name, _)| name.clone()).collect()
    }

    fn program(&self, app: &'static str) -> PathBuf {
        self.programs()[app].clone()
    }

    pub(crate) fn programs(&self) -> MutexGuard<'_, BTreeMap<&'static str, PathBuf>> {
        self.programs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn instances(&self) -> MutexGuard<'_, BTreeMap<String, Instance>> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// As [`Stack::command`], for the lasting stack of a checkout that another process holds.
    pub fn command(&self, checkout: &Path, app: &str) -> Command {
        let secrets = Secrets::open(&Home::lasting(checkout));
        // Every stack has all services. A program that is not there can't be started, which the error says.
        let program = self.programs.get(app).cloned().unwrap_or_else(|| PathBuf::from(app));
        services::command(app, &program, &secrets, &self.config_server)
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
