//! The parts of a stack. Each is a process with a name, which can be started, waited for, killed and started again.

use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::error::StackError;
use crate::home::{Home, Purpose};
use crate::interrupt::Interrupt;
use crate::launch::Launch;
use crate::log_tail::LogTail;
use crate::probe::Probe;
use crate::process::Process;
use crate::progress::Progress;

const POLL: Duration = Duration::from_millis(10);

/// How a part is started and stopped.
#[derive(Clone, Debug)]
pub(crate) struct PartPlan {
    pub(crate) launch: Launch,
    pub(crate) probe: Probe,
    /// Its address, for people to read.
    pub(crate) address: String,
    /// How long it may take to become ready, and to stop.
    pub(crate) patience: Duration,
    /// Its exit code when it is stopped and nothing is wrong.
    pub(crate) exit_code: i32,
}

#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) plan: PartPlan,
    /// Held by who starts it. `state` is never held for long.
    starting: Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    process: Option<Process>,
    ready_after: Duration,
}

/// The state of a part.
#[derive(Clone, Debug)]
pub struct PartReport {
    /// "redis", "order-api", "order-api-2".
    pub name: String,
    /// Its process id, if it runs.
    pub pid: Option<u32>,
    /// The time from its latest start until it was ready.
    pub ready_after: Duration,
    /// Its address, for people to read.
    pub address: String,
}

/// All parts, in the order in which they were started.
pub(crate) struct Parts {
    home: Home,
    pub(crate) interrupt: Interrupt,
    pub(crate) progress: Arc<dyn Progress>,
    list: RwLock<Vec<Arc<Part>>>,
}

impl Parts {
    pub(crate) fn new(home: Home, interrupt: Interrupt, progress: Arc<dyn Progress>) -> Self {
        Self { home, interrupt, progress, list: RwLock::default() }
    }

    /// Adds parts that do not need each other, and starts all of them at once. The first failure ends the wait for all.
    pub(crate) fn start_together(&self, plans: Vec<PartPlan>) -> Result<(), StackError> {
        let parts: Vec<Arc<Part>> = plans.into_iter().map(|plan| Arc::new(Part::new(plan))).collect();
        self.list.write().unwrap_or_else(PoisonError::into_inner).extend(parts.iter().cloned());

        let failed = AtomicBool::new(false);
        let outcomes: Vec<Result<(), StackError>> = thread::scope(|scope| {
            let starts: Vec<_> = parts
                .iter()
                .map(|part| {
                    scope.spawn(|| {
                        self.start_part(part, &failed).inspect_err(|_| failed.store(true, Ordering::Relaxed))
                    })
                })
                .collect();
            starts
                .into_iter()
                .map(|start| start.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        first_cause(outcomes)
    }

    fn start_part(&self, part: &Part, others_failed: &AtomicBool) -> Result<(), StackError> {
        let _starting = part.lock_start();
        self.start_locked(part, others_failed)
    }

    /// Starts a part if it does not run, and waits until it is ready.
    fn start_locked(&self, part: &Part, others_failed: &AtomicBool) -> Result<(), StackError> {
        let name = &part.plan.launch.part;
        if part.state().process.is_none() {
            self.progress.begin(name, "starting");
            self.launch(part)?;
        }
        let probe = part.plan.probe;
        let ready_after = self.wait_for(part, part.plan.patience, others_failed, || probe.is_ready())?;
        part.state().ready_after = ready_after;
        self.progress.ready(name, ready_after, &part.plan.address);
        Ok(())
    }

    /// Starts the process of a part.
    pub(crate) fn launch(&self, part: &Part) -> Result<(), StackError> {
        let process = Process::start(&part.plan.launch, &self.home)?;
        part.state().process = Some(process);
        Ok(())
    }

    /// Waits until every part is connected to those that it uses.
    pub(crate) fn wait_until_connected(&self) -> Result<(), StackError> {
        for part in self.snapshot() {
            let probe = part.plan.probe;
            self.wait_for(&part, part.plan.patience, &AtomicBool::new(false), || probe.is_connected())?;
        }
        Ok(())
    }

    /// Waits until a running part is ready, and gives how long that took.
    pub(crate) fn wait_for(
        &self,
        part: &Part,
        patience: Duration,
        others_failed: &AtomicBool,
        is_ready: impl Fn() -> Result<(), String>,
    ) -> Result<Duration, StackError> {
        let name = &part.plan.launch.part;
        let began = Instant::now();
        loop {
            match part.state().exit() {
                Exit::Running => {}
                Exit::Ended(status) => {
                    return Err(StackError::Exited { part: name.clone(), status, log: self.log_tail(name) });
                }
                Exit::TakenAway => return Err(StackError::StoppedMeanwhile(name.clone())),
            }
            let Err(reason) = is_ready() else { return Ok(began.elapsed()) };
            if self.interrupt.is_raised() || others_failed.load(Ordering::Relaxed) {
                return Err(StackError::Interrupted);
            }
            if began.elapsed() >= patience {
                let log = self.log_tail(name);
                return Err(StackError::NotReady { part: name.clone(), patience, reason, log });
            }
            thread::sleep(POLL);
        }
    }

    /// Starts a part that does not run, in the same way as before.
    pub(crate) fn start_again(&self, name: &str) -> Result<(), StackError> {
        loop {
            let part = self.find(name)?;
            let _starting = part.lock_start();
            // It may have been replaced meanwhile.
            if Arc::ptr_eq(&part, &self.find(name)?) {
                return self.start_locked(&part, &AtomicBool::new(false));
            }
        }
    }

    /// SIGKILL; returns when the process is gone.
    pub(crate) fn kill(&self, name: &str) -> Result<(), StackError> {
        if let Some(process) = self.find(name)?.state().process.take() {
            process.kill().map_err(StackError::io(format!("killing {name}")))?;
        }
        Ok(())
    }

    /// SIGTERM, and SIGKILL if that takes too long. `None` if the part did not run.
    pub(crate) fn stop(&self, name: &str) -> Result<Option<ExitStatus>, StackError> {
        self.stop_part(&*self.find(name)?)
    }

    pub(crate) fn stop_part(&self, part: &Part) -> Result<Option<ExitStatus>, StackError> {
        let name = &part.plan.launch.part;
        let Some(process) = part.state().process.take() else { return Ok(None) };
        self.progress.begin(name, "stopping");
        let stopped = process.stop(part.plan.patience).map_err(StackError::io(format!("stopping {name}")))?;
        let is_expected = stopped.status.code() == Some(part.plan.exit_code);
        let outcome = match (stopped.forced, is_expected) {
            (true, _) => "killed, because it did not stop in time".to_owned(),
            (false, true) => "stopped".to_owned(),
            (false, false) => format!("stopped with {}", stopped.status),
        };
        self.progress.finished(name, &outcome);
        Ok(Some(stopped.status))
    }

    /// Puts a part into the list in place of the one with the same name.
    pub(crate) fn put(&self, part: Arc<Part>) {
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        let name = &part.plan.launch.part;
        match list.iter_mut().find(|listed| listed.plan.launch.part == *name) {
            Some(listed) => *listed = part,
            None => list.push(part),
        }
    }

    /// Stops a part and removes it from the list.
    pub(crate) fn remove(&self, name: &str) -> Result<(), StackError> {
        self.stop(name)?;
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        list.retain(|part| part.plan.launch.part != name);
        Ok(())
    }

    pub(crate) fn signal(&self, name: &str, signal: Signal) -> Result<(), StackError> {
        if let Some(process) = &self.find(name)?.state().process {
            process.signal(signal);
        }
        Ok(())
    }

    /// Stops all parts. The last one that was started is the first to stop.
    pub(crate) fn stop_all(&self) -> Result<(), StackError> {
        let mut outcome = Ok(());
        for part in self.snapshot().iter().rev() {
            let stopped = self.stop(&part.plan.launch.part).map(drop);
            outcome = outcome.and(stopped);
        }
        outcome
    }

    /// Kills all parts. The last one that was started is the first to be killed.
    pub(crate) fn kill_all(&self) {
        for part in self.snapshot().iter().rev() {
            // Dropping a process kills it.
            drop(part.state().process.take());
        }
    }

    /// The parts that have ended by themselves since the last call.
    pub(crate) fn take_exited(&self) -> Vec<(String, ExitStatus)> {
        let mut exited = Vec::new();
        for part in self.snapshot() {
            // Who starts it, or replaces it, notices by itself.
            let Some(_starting) = part.try_lock_start() else { continue };
            if let Exit::Ended(status) = part.state().exit() {
                exited.push((part.plan.launch.part.clone(), status));
            }
        }
        exited
    }

    pub(crate) fn reports(&self) -> Vec<PartReport> {
        self.snapshot().iter().map(|part| part.report()).collect()
    }

    pub(crate) fn report(&self, name: &str) -> Result<PartReport, StackError> {
        Ok(self.find(name)?.report())
    }

    pub(crate) fn log_tail(&self, name: &str) -> LogTail {
        LogTail::of(&self.home.log(name))
    }

    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    fn snapshot(&self) -> Vec<Arc<Part>> {
        self.list.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn find(&self, name: &str) -> Result<Arc<Part>, StackError> {
        self.snapshot()
            .into_iter()
            .find(|part| part.plan.launch.part == name)
            .ok_or_else(|| StackError::UnknownPart(name.to_owned()))
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        match self.home.purpose() {
            Purpose::Throwaway | Purpose::Measured => self.kill_all(),
            // An error can't be returned from here. A part that did not stop was killed.
            Purpose::Lasting => drop(self.stop_all()),
        }
    }
}

/// Whether a process has ended.
enum Exit {
    Running,
    /// By itself.
    Ended(ExitStatus),
    /// It was stopped, killed, or never started.
    TakenAway,
}

impl State {
    fn exit(&mut self) -> Exit {
        let Some(process) = &mut self.process else { return Exit::TakenAway };
        let Some(status) = process.exit_status() else { return Exit::Running };
        self.process = None;
        Exit::Ended(status)
    }
}

impl Part {
    pub(crate) fn new(plan: PartPlan) -> Self {
        Self { plan, starting: Mutex::default(), state: Mutex::default() }
    }

    /// A running part, which had another name until now.
    pub(crate) fn renamed(plan: PartPlan, before: &Self) -> Self {
        let state = std::mem::take(&mut *before.state());
        Self { plan, starting: Mutex::default(), state: Mutex::new(state) }
    }

    /// Gives the pid file and the log of its process its own name.
    pub(crate) fn rename_files(&self, before: &str, home: &Home) -> Result<(), StackError> {
        match &mut self.state().process {
            Some(process) => process.rename(before, &self.plan.launch.part, home),
            None => Ok(()),
        }
    }

    /// Waits until nobody else starts it or replaces it.
    pub(crate) fn lock_start(&self) -> MutexGuard<'_, ()> {
        self.starting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_lock_start(&self) -> Option<MutexGuard<'_, ()>> {
        match self.starting.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self) -> PartReport {
        let state = self.state();
        PartReport {
            name: self.plan.launch.part.clone(),
            pid: state.process.as_ref().map(Process::pid),
            ready_after: state.ready_after,
            address: self.plan.address.clone(),
        }
    }
}

/// The failure that has made the other starts end, if there was one.
fn first_cause(outcomes: Vec<Result<(), StackError>>) -> Result<(), StackError> {
    let mut cause = Ok(());
    for failure in outcomes.into_iter().filter_map(Result::err) {
        if cause.is_ok() || matches!(cause, Err(StackError::Interrupted)) {
            cause = Err(failure);
        }
    }
    cause
}
