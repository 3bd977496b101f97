//! The whole of it: servers, settings, services.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, PoisonError};

use nix::sys::signal::Signal;

use crate::error::StackError;
use crate::home::Home;
use crate::lock::Running;
use crate::log_tail::LogTail;
use crate::overlay::{self, Ingredients, Override};
use crate::parts::PartReport;
use crate::secrets::Secrets;
use crate::servers::Servers;
use crate::services::{self, CONFIG_SERVER, SERVICES, ServicePorts};

/// How the services are to be started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder with the five binaries.
    pub binaries: PathBuf,
    /// Settings that are to be otherwise than `config/` has them.
    pub overrides: Vec<Override>,
}

/// A running stack. Dropping it stops it; a throw-away one without ceremony.
pub struct Stack {
    servers: Servers,
    binaries: PathBuf,
    places: Mutex<BTreeMap<String, ServicePorts>>,
}

impl Stack {
    /// Starts the five services on servers that run, and waits until all are ready and have found each other.
    pub fn start(servers: Servers, options: Options) -> Result<Self, StackError> {
        let Options { binaries, overrides } = options;
        let mut places = BTreeMap::new();
        for kind in &SERVICES {
            let ports =
                ServicePorts::choose(kind, &mut servers.ports()).map_err(StackError::io("choosing ports"))?;
            places.insert(kind.name, ports);
        }
        let apps: Vec<&str> = SERVICES.iter().map(|kind| kind.name).collect();
        let credentials = servers.secrets.write_credentials(&apps)?;
        overlay::write(&Ingredients {
            home: servers.parts.home(),
            secrets: &servers.secrets,
            servers: servers.addresses,
            services: &places,
            overrides: &overrides,
        })?;

        let config_server = places[CONFIG_SERVER];
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
                let ports = places[kind.name];
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

        let instances = places.into_iter().map(|(name, ports)| (name.to_owned(), ports)).collect();
        let mut stack = Self { servers, binaries, places: Mutex::new(instances) };
        stack.publish()?;
        Ok(stack)
    }

    /// Tells other processes of this checkout where the stack is.
    fn publish(&mut self) -> Result<(), StackError> {
        let running = Running {
            pid: std::process::id(),
            gateway: self.gateway_url(),
            config_server: self.places()[CONFIG_SERVER].url(),
            binaries: self.binaries.clone(),
        };
        match &mut self.servers.lock {
            Some(lock) => lock.publish(&running),
            None => Ok(()),
        }
    }

    /// Where clients call.
    pub fn gateway_url(&self) -> String {
        self.places()["gateway"].url()
    }

    /// Where one instance serves: "order-api", "order-api-2".
    pub fn url(&self, instance: &str) -> Result<String, StackError> {
        self.place(instance).map(ServicePorts::url)
    }

    /// Where one instance tells of itself.
    pub fn management_url(&self, instance: &str) -> Result<String, StackError> {
        self.place(instance).map(ServicePorts::management_url)
    }

    /// The servers below.
    pub fn servers(&self) -> &Servers {
        &self.servers
    }

    /// Starts a further instance of a service, and gives its name.
    pub fn add_instance(&self, app: &str) -> Result<String, StackError> {
        let name = {
            let places = self.places();
            if !places.contains_key(app) || app == CONFIG_SERVER {
                return Err(StackError::UnknownPart(app.to_owned()));
            }
            let mut number = 2;
            while places.contains_key(&format!("{app}-{number}")) {
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
            &self.place(CONFIG_SERVER)?.url(),
            ports,
        );
        self.servers.parts.start_together(vec![services::elsewhere(plan, ports)])?;
        self.places().insert(name.clone(), ports);
        Ok(name)
    }

    /// Stops an instance that was added, for good.
    pub fn remove_instance(&self, name: &str) -> Result<(), StackError> {
        self.servers.parts.remove(name)?;
        self.places().remove(name);
        Ok(())
    }

    /// `kill -9` of a part: a service's instance, `mariadb`, `redis` or `consul`. Returns when it is gone.
    pub fn kill(&self, part: &str) -> Result<(), StackError> {
        self.servers.parts.kill(part)
    }

    /// Stops a part as an operator would, and gives how it ended; `None` where it did not run.
    pub fn stop(&self, part: &str) -> Result<Option<ExitStatus>, StackError> {
        self.servers.parts.stop(part)
    }

    /// Starts a part again that was killed or stopped, where it was, and waits until it is ready.
    pub fn start_again(&self, part: &str) -> Result<(), StackError> {
        self.servers.parts.start_again(part)
    }

    /// Changes a setting. A process has it from its next start on.
    pub fn change_setting(&self, change: &Override) -> Result<(), StackError> {
        overlay::change(self.servers.home(), change)
    }

    /// Makes a part stand still (SIGSTOP), as a machine does that is overloaded or moved.
    pub fn pause(&self, part: &str) -> Result<(), StackError> {
        self.servers.parts.signal(part, Signal::SIGSTOP)
    }

    /// Lets a paused part go on.
    pub fn resume(&self, part: &str) -> Result<(), StackError> {
        self.servers.parts.signal(part, Signal::SIGCONT)
    }

    /// What is known of a part.
    pub fn part(&self, part: &str) -> Result<PartReport, StackError> {
        self.servers.parts.report(part)
    }

    /// What is known of all parts, in the order of their start.
    pub fn parts(&self) -> Vec<PartReport> {
        self.servers.parts.reports()
    }

    /// The parts that ended without being asked to, since this was last asked.
    pub fn fallen(&self) -> Vec<(String, ExitStatus)> {
        self.servers.parts.fallen()
    }

    /// The end of a part's log.
    pub fn log_tail(&self, part: &str) -> LogTail {
        self.servers.log_tail(part)
    }

    /// A service's binary with its settings, to run one of its commands: `member-api create-admin`.
    pub fn command(&self, app: &str) -> Result<Command, StackError> {
        let url = self.place(CONFIG_SERVER)?.url();
        Ok(services::command(app, &self.binaries, &self.servers.secrets, &url))
    }

    /// Drains and stops everything in order, and waits for it.
    pub fn shut_down(self) -> Result<(), StackError> {
        self.servers.shut_down()
    }

    fn place(&self, instance: &str) -> Result<ServicePorts, StackError> {
        self.places().get(instance).copied().ok_or_else(|| StackError::UnknownPart(instance.to_owned()))
    }

    fn places(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, ServicePorts>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// As [`Stack::command`], for the lasting stack of a checkout that another process holds.
    pub fn command(&self, checkout: &Path, app: &str) -> Command {
        let secrets = Secrets::open(&Home::lasting(checkout));
        services::command(app, &self.binaries, &secrets, &self.config_server)
    }
}
