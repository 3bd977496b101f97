//! The parts of a stack. Each is a process with a name, which can be started, waited for, killed and started again.

use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
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
#[derive(Debug)]
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
struct Part {
    plan: PartPlan,
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
    interrupt: Interrupt,
    progress: Arc<dyn Progress>,
    list: RwLock<Vec<Arc<Part>>>,
}

impl Parts {
    pub(crate) fn new(home: Home, interrupt: Interrupt, progress: Arc<dyn Progress>) -> Self {
        Self { home, interrupt, progress, list: RwLock::default() }
    }

    /// Adds parts that do not need each other, and starts all of them at once. The first failure ends the wait for all.
    pub(crate) fn start_together(&self, plans: Vec<PartPlan>) -> Result<(), StackError> {
        let parts: Vec<Arc<Part>> =
            plans.into_iter().map(|plan| Arc::new(Part { plan, state: Mutex::default() })).collect();
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
        let name = &part.plan.launch.part;
        self.progress.begin(name, "starting");
        let mut state = part.state();
        state.process = Some(Process::start(&part.plan.launch, &self.home)?);
        let probe = part.plan.probe;
        state.ready_after = self.wait_for(part, &mut state, others_failed, || probe.is_ready())?;
        self.progress.ready(name, state.ready_after, &part.plan.address);
        Ok(())
    }

    /// Waits until every part is connected to those that it uses.
    pub(crate) fn wait_until_connected(&self) -> Result<(), StackError> {
        for part in self.snapshot() {
            let probe = part.plan.probe;
            self.wait_for(&part, &mut part.state(), &AtomicBool::new(false), || probe.is_connected())?;
        }
        Ok(())
    }

    /// Waits until a running part is ready, and gives how long that took.
    fn wait_for(
        &self,
        part: &Part,
        state: &mut State,
        others_failed: &AtomicBool,
        is_ready: impl Fn() -> Result<(), String>,
    ) -> Result<Duration, StackError> {
        let name = &part.plan.launch.part;
        let began = Instant::now();
        loop {
            if let Some(status) = state.process.as_mut().and_then(Process::exit_status) {
                state.process = None;
                return Err(StackError::Exited { part: name.clone(), status, log: self.log_tail(name) });
            }
            let Err(reason) = is_ready() else { return Ok(began.elapsed()) };
            if self.interrupt.is_raised() || others_failed.load(Ordering::Relaxed) {
                return Err(StackError::Interrupted);
            }
            if began.elapsed() >= part.plan.patience {
                return Err(StackError::NotReady {
                    part: name.clone(),
                    patience: part.plan.patience,
                    reason,
                    log: self.log_tail(name),
                });
            }
            thread::sleep(POLL);
        }
    }

    /// Starts a part that does not run, in the same way as before.
    pub(crate) fn start_again(&self, name: &str) -> Result<(), StackError> {
        let part = self.find(name)?;
        if part.state().process.is_some() {
            return Ok(());
        }
        self.start_part(&part, &AtomicBool::new(false))
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
        let part = self.find(name)?;
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
            let mut state = part.state();
            if let Some(status) = state.process.as_mut().and_then(Process::exit_status) {
                state.process = None;
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

    fn find(&self, name: &str) -> Result<Arc<Part>, StackError> {
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

impl Part {
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
