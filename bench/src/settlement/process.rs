//! What a process has needed: processor time, and memory.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use stack::Stack;

/// `USER_HZ`, which Linux has fixed for what it tells of processes.
const TICKS_PER_SECOND: u32 = 100;

/// A part of the stack, while it is not started again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process(u32);

impl Process {
    pub(super) fn of(stack: &Stack, part: &str) -> anyhow::Result<Self> {
        let pid = stack.part(part)?.pid;
        pid.map(Self).with_context(|| format!("{part} does not run"))
    }

    /// For how long it has had a processor, all its threads together.
    pub(super) fn processor_time(self) -> anyhow::Result<Duration> {
        let stat = self.read("stat")?;
        // Its name, in brackets, may have spaces.
        let (_, rest) = stat.rsplit_once(") ").context("/proc tells no state")?;
        let mut fields = rest.split(' ').skip(11).map(str::parse::<u32>);
        let mut ticks = || fields.next().context("/proc tells no times")?.context("a time that is no number");
        Ok(Duration::from_secs(u64::from(ticks()? + ticks()?)) / TICKS_PER_SECOND)
    }

    /// For how long it has had one since it had had `before`.
    pub(super) fn processor_time_since(self, before: Duration) -> anyhow::Result<Duration> {
        Ok(self.processor_time()?.saturating_sub(before))
    }

    /// Forgets how much memory it once had at most.
    pub(super) fn forget_peak(self) -> anyhow::Result<()> {
        fs::write(format!("/proc/{}/clear_refs", self.0), "5").context("resetting the peak of its memory")
    }

    /// How much memory it has now, and had at most, in KiB.
    pub(super) fn memory_kib(self) -> anyhow::Result<(u64, u64)> {
        let status = self.read("status")?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let value = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
            value.with_context(|| format!("/proc tells no {name}"))
        };
        Ok((field("VmRSS:")?, field("VmHWM:")?))
    }

    fn read(self, file: &str) -> anyhow::Result<String> {
        fs::read_to_string(format!("/proc/{}/{file}", self.0)).with_context(|| format!("reading its {file}"))
    }
}
