//! Replacing the instances of a service one after another, without an answer lost.
//!
//! A new instance is started beside the old one. The old one is drained only when the new one is healthy: it is ready, Consul
//! lists it, and it is connected to all that the old one is connected to. Otherwise the new one is removed, and instances that
//! were replaced before go back to the old program in the same way.
//!
//! config-server is replaced in its place, because all others know its address. They need it only when they start, and then they
//! wait for it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, TryLockError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::StackError;
use crate::launch::Launch;
use crate::parts::{Part, PartPlan};
use crate::probe::is_listed;
use crate::services::{CONFIG_SERVER, SERVICES, ServicePorts};
use crate::stack::{Instance, Stack};
use crate::{process, programs};

/// What is to be replaced.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Roll {
    /// The new program of each service.
    pub programs: BTreeMap<String, PathBuf>,
    /// How long a new instance may take to become healthy.
    pub patience: Duration,
}

impl Stack {
    /// Replaces all instances of some services, one after another. Of several services, those that others call come first. `said`
    /// gets what was done, for people to read. If it fails for one service, those before it keep their new programs.
    pub fn roll(&self, roll: &Roll, said: &dyn Fn(&str)) -> Result<(), StackError> {
        let _rolling = match self.rolling.try_lock() {
            Ok(rolling) => rolling,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(StackError::RollUnderWay),
        };
        if let Some(unknown) =
            roll.programs.keys().find(|app| !SERVICES.iter().any(|kind| kind.name == **app))
        {
            return Err(StackError::UnknownPart(unknown.clone()));
        }
        for kind in &SERVICES {
            let Some(program) = roll.programs.get(kind.name) else { continue };
            let new = programs::keep(self.servers().home(), kind.name, program)?;
            let rolled = self.roll_service(kind.name, &new, roll.patience, said);
            let tidied = self.tidy(kind.name, &new, rolled.is_ok());
            rolled?;
            tidied?;
        }
        Ok(())
    }

    fn roll_service(
        &self,
        app: &'static str,
        new: &Path,
        patience: Duration,
        said: &dyn Fn(&str),
    ) -> Result<(), StackError> {
        let mut replaced: Vec<(String, PathBuf)> = Vec::new();
        for name in self.names_of(app) {
            said(&format!("{name}: starting its replacement"));
            match self.replace(app, &name, new, patience) {
                Ok(old) => {
                    said(&format!("{name}: replaced"));
                    replaced.push((name, old));
                }
                Err(StackError::Interrupted) => return Err(StackError::Interrupted),
                Err(error) => {
                    said(&format!("{name}: not replaced: {error}"));
                    return Err(self.go_back(app, replaced, patience, error, said));
                }
            }
        }
        Ok(())
    }

    /// Gives the instances that were replaced their old program. Returns the error to report.
    fn go_back(
        &self,
        app: &'static str,
        replaced: Vec<(String, PathBuf)>,
        patience: Duration,
        error: StackError,
        said: &dyn Fn(&str),
    ) -> StackError {
        let mut stuck = Vec::new();
        for (name, old) in replaced.into_iter().rev() {
            match self.replace(app, &name, &old, patience) {
                Ok(_) => said(&format!("{name}: has its old program again")),
                Err(error) => {
                    said(&format!("{name}: can't go back: {error}"));
                    stuck.push(name);
                }
            }
        }
        let (app, source) = (app.to_owned(), Box::new(error));
        if stuck.is_empty() {
            StackError::WentBack { app, source }
        } else {
            StackError::Mixed { app, stuck, source }
        }
    }

    /// Replaces one instance, and gives the program that it had.
    fn replace(
        &self,
        app: &'static str,
        name: &str,
        program: &Path,
        patience: Duration,
    ) -> Result<PathBuf, StackError> {
        if app == CONFIG_SERVER {
            self.replace_in_place(name, program, patience)
        } else {
            self.replace_beside(app, name, program, patience)
        }
    }

    fn replace_beside(
        &self,
        app: &'static str,
        name: &str,
        program: &Path,
        patience: Duration,
    ) -> Result<PathBuf, StackError> {
        let parts = &self.servers().parts;
        let old = parts.find(name)?;
        // A supervisor that wants to start the old one again waits, and finds the new one.
        let _starting = old.lock_start();
        let old_ports = self.ports(name)?;
        let ports = ServicePorts::further(app, old_ports, &mut self.servers().ports())
            .map_err(StackError::io("choosing ports"))?;
        let give_back = |unused: ServicePorts, used: ServicePorts| {
            let mut held = self.servers().ports();
            held.give_back(unused.management);
            if unused.serving != used.serving {
                held.give_back(unused.serving);
            }
        };

        let next = format!("{name}.next");
        let outcome = self.start_healthy(app, &next, program, ports, &old, patience);
        let new = match outcome {
            Ok(new) => new,
            Err(error) => {
                give_back(ports, old_ports);
                return Err(error);
            }
        };
        let part = Arc::new(Part::renamed(self.plan(name, app, program, ports)?, &new));
        let _new_starting = part.lock_start();
        parts.put(Arc::clone(&part));
        self.instances().insert(name.to_owned(), Instance { app, ports });
        let stopped = parts.stop_part(&old);
        give_back(old_ports, ports);
        // Its names are for people. If they stay what they are, it serves all the same.
        if let Err(error) = stopped.and_then(|_| part.rename_files(&next, parts.home())) {
            parts.progress.note(&format!("{name}: {error}"));
        }
        Ok(old.plan.launch.program.clone())
    }

    /// Starts an instance, and stops it again if it does not become healthy.
    fn start_healthy(
        &self,
        app: &'static str,
        part: &str,
        program: &Path,
        ports: ServicePorts,
        old: &Part,
        patience: Duration,
    ) -> Result<Part, StackError> {
        let parts = &self.servers().parts;
        process::keep_older(&parts.home().log(part)).map_err(StackError::io("setting a log aside"))?;
        let new = Part::new(self.plan(part, app, program, ports)?);
        let (probe, old_probe) = (new.plan.probe, old.plan.probe);
        let consul = self.servers().addresses.consul;
        let is_healthy = || {
            probe.is_ready()?;
            // What the old one does without, the new one may do without. If the old one has died, any that is ready is better.
            let excused = old_probe.missing().map_or_else(|_| probe.missing(), Ok)?;
            probe.is_connected_to_all_but(&excused)?;
            is_listed(consul, app, ports.management)
        };
        parts.progress.begin(part, "starting");
        let started = parts
            .launch(&new)
            .and_then(|()| parts.wait_for(&new, patience, &AtomicBool::new(false), is_healthy));
        match started {
            Ok(after) => {
                parts.progress.ready(part, after, &new.plan.address);
                Ok(new)
            }
            Err(error) => {
                parts.stop_part(&new)?;
                Err(error)
            }
        }
    }

    fn replace_in_place(
        &self,
        name: &str,
        program: &Path,
        patience: Duration,
    ) -> Result<PathBuf, StackError> {
        let parts = &self.servers().parts;
        let old = parts.find(name)?;
        let _starting = old.lock_start();
        parts.stop_part(&old)?;
        let launch = Launch { program: program.to_owned(), ..old.plan.launch.clone() };
        let new = Arc::new(Part::new(PartPlan { launch, ..old.plan.clone() }));
        let started = self.start_in_place(&new, patience);
        if let Err(error) = started {
            parts.stop_part(&new)?;
            self.start_in_place(&old, old.plan.patience)?;
            return Err(error);
        }
        parts.put(new);
        Ok(old.plan.launch.program.clone())
    }

    fn start_in_place(&self, part: &Part, patience: Duration) -> Result<(), StackError> {
        let parts = &self.servers().parts;
        let name = &part.plan.launch.part;
        parts.progress.begin(name, "starting");
        parts.launch(part)?;
        let probe = part.plan.probe;
        let after = parts.wait_for(part, patience, &AtomicBool::new(false), || probe.is_ready())?;
        parts.progress.ready(name, after, &part.plan.address);
        Ok(())
    }

    /// After a success, other commands use the new program too. What nobody uses is removed.
    fn tidy(&self, app: &'static str, new: &Path, is_rolled: bool) -> Result<(), StackError> {
        if is_rolled {
            self.programs().insert(app, new.to_owned());
            self.publish()?;
        }
        let mut used: BTreeSet<PathBuf> = self.programs().values().cloned().collect();
        for name in self.names_of(app) {
            used.insert(self.servers().parts.find(&name)?.plan.launch.program.clone());
        }
        programs::remove_unused(self.servers().home(), &used.into_iter().collect::<Vec<_>>())
    }
}
