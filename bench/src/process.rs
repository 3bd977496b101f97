//! What a process has needed: processor time, and memory.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use nix::time::ClockId;
use nix::unistd::Pid;
use stack::Stack;

/// How this benchmark is called among the processes.
pub(crate) const THIS: &str = "this benchmark";

/// A part of the stack, while it is not started again, or this benchmark.
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

    /// Every part of the stack that is a process, by its name, and this benchmark.
    pub(crate) fn all(stack: &Stack) -> anyhow::Result<Vec<(String, Self)>> {
        let mut all = vec![(THIS.to_owned(), Self::this())];
        for part in stack.parts() {
            if let Some(pid) = part.pid {
                all.push((part.name, Self::numbered(pid)?));
            }
        }
        Ok(all)
    }

    fn numbered(pid: u32) -> anyhow::Result<Self> {
        Ok(Self(Pid::from_raw(i32::try_from(pid).context("a process of a number that is none")?)))
    }

    /// For how long it has had a processor, all its threads together, in user mode and in the kernel.
    ///
    /// By its clock, in nanoseconds: `/proc/…/stat` tells hundredths of a second, which is coarse where a tenth is measured.
    pub(crate) fn processor_time(self) -> anyhow::Result<Duration> {
        let time = ClockId::pid_cpu_clock_id(self.0).and_then(ClockId::now);
        Ok(Duration::from(time.context("reading the processor time of a process")?))
    }

    /// For how long it has had one since it had had `before`.
    pub(crate) fn processor_time_since(self, before: Duration) -> anyhow::Result<Duration> {
        Ok(self.processor_time()?.saturating_sub(before))
    }

    /// Forgets how much memory it once had at most.
    pub(crate) fn forget_peak(self) -> anyhow::Result<()> {
        fs::write(format!("/proc/{}/clear_refs", self.0), "5").context("resetting the peak of its memory")
    }

    /// How much memory it has now, and had at most, in KiB.
    pub(crate) fn memory_kib(self) -> anyhow::Result<(u64, u64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).context("reading its status")?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let value = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
            value.with_context(|| format!("/proc tells no {name}"))
        };
        Ok((field("VmRSS:")?, field("VmHWM:")?))
    }
}
