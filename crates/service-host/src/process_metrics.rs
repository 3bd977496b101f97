//! What the process uses of its machine, read from `/proc` for each request of the metrics.

use std::fs;

use metrics::{Unit, describe_gauge, gauge};

const RESIDENT: &str = "process_resident_memory_bytes";
const CPU: &str = "process_cpu_seconds_total";
const FILES: &str = "process_open_fds";
const THREADS: &str = "process_threads";

/// The unit of times in `/proc/self/stat`. On Linux it is a hundredth of a second for every program (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Describes the metrics.
pub(crate) fn describe() {
    describe_gauge!(RESIDENT, Unit::Bytes, "Resident memory");
    describe_gauge!(
        CPU,
        Unit::Seconds,
        "CPU time spent since the start, of the process and for it in the kernel"
    );
    describe_gauge!(FILES, "Open file descriptors");
    describe_gauge!(THREADS, "Threads");
}

/// Updates the metrics. A value that can't be read is not changed.
pub(crate) fn update() {
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        if let Some(kib) = number_after(&status, "VmRSS:") {
            gauge!(RESIDENT).set(kib * 1024.0);
        }
        if let Some(threads) = number_after(&status, "Threads:") {
            gauge!(THREADS).set(threads);
        }
    }
    if let Some(seconds) = fs::read_to_string("/proc/self/stat").ok().and_then(|stat| cpu_seconds(&stat)) {
        gauge!(CPU).set(seconds);
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        gauge!(FILES).set(u32::try_from(files.count()).unwrap_or(u32::MAX));
    }
}

/// The first number of the line that begins with `name`.
fn number_after(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// `utime` and `stime`, fields 14 and 15 in the manual page `proc_pid_stat(5)`. The second field, the program's name in
/// parentheses, may contain anything, so the fields are counted from its end.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_after_any_name() {
        let stat = "42 (a (b) 1 2) S 1 42 42 0 -1 4194560 1000 0 0 0 150 50 0 0 20 0 3 0 100 1000 200 1844";
        assert_eq!(cpu_seconds(stat), Some(2.0));
    }

    #[test]
    fn memory_is_found_in_status() {
        let status = "Name:\tx\nVmRSS:\t   12345 kB\nThreads:\t3\n";
        assert_eq!(number_after(status, "VmRSS:"), Some(12_345.0));
        assert_eq!(number_after(status, "VmSwap:"), None);
    }

    #[test]
    fn this_process_can_be_read() {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        assert!(number_after(&status, "VmRSS:").unwrap() > 0.0);
        assert!(cpu_seconds(&fs::read_to_string("/proc/self/stat").unwrap()).is_some());
    }
}
