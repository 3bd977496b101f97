//! The processor time and the memory of a process.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use nix::time::ClockId;
use nix::unistd::Pid;
use stack::Stack;

/// The name of this benchmark among the processes.
pub(crate) const THIS: &str = "this benchmark";

/// A process: a part of the stack until it is started again, or this benchmark.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process(Pid);

impl Process {
    pub(crate) fn of(stack: &Stack, part: &str) -> anyhow::Result<Self> {
        let pid = stack.part(part)?.pid.with_context(|| format!("{part} does not run"))?;
        Self::numbered(pid)
    }

    pub(crate) fn this() -> Self {
        Self(Pid::this())
    }

    /// Every running part of the stack and this benchmark, with their names.
    pub(crate) fn all(stack: &Stack) -> anyhow::Result<Vec<(String, Self)>> {
        let mut all = vec![(THIS.to_owned(), Self::this())];
        for part in stack.parts() {
            if let Some(pid) = part.pid {
                all.push((part.name, Self::numbered(pid)?));
            }
        }
        Ok(all)
    }

    /// The process that somebody else has started, by its number.
    pub(crate) fn numbered(pid: u32) -> anyhow::Result<Self> {
        Ok(Self(Pid::from_raw(i32::try_from(pid).context("an invalid process id")?)))
    }

    /// The processor time of all its threads, in user mode and in the kernel.
    ///
    /// It comes from the clock of the process, in nanoseconds. `/proc/…/stat` has hundredths of a second, which is too coarse
    /// for a measurement of a tenth.
    pub(crate) fn processor_time(self) -> anyhow::Result<Duration> {
        let time = ClockId::pid_cpu_clock_id(self.0).and_then(ClockId::now);
        Ok(Duration::from(time.context("reading the processor time of a process")?))
    }

    /// Its child processes.
    pub(crate) fn children(self) -> anyhow::Result<Vec<Self>> {
        let path = format!("/proc/{0}/task/{0}/children", self.0);
        let pids = fs::read_to_string(path).context("reading the children of a process")?;
        pids.split_whitespace().map(|pid| Self::numbered(pid.parse()?)).collect()
    }

    /// The processor time since it was `before`.
    pub(crate) fn processor_time_since(self, before: Duration) -> anyhow::Result<Duration> {
        Ok(self.processor_time()?.saturating_sub(before))
    }

    /// Resets the peak of its memory.
    pub(crate) fn reset_peak(self) -> anyhow::Result<()> {
        fs::write(format!("/proc/{}/clear_refs", self.0), "5").context("resetting the peak of its memory")
    }

    /// Its resident memory and the peak of it, in KiB.
    pub(crate) fn memory_kib(self) -> anyhow::Result<(u64, u64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).context("reading its status")?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let value = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
            value.with_context(|| format!("/proc shows no {name}"))
        };
        Ok((field("VmRSS:")?, field("VmHWM:")?))
    }
}
