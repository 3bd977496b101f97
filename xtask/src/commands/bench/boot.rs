//! `cargo xtask bench boot`: from built binaries to ready, part by part, and resident memory when idle.

use std::fs;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use stack::{Home, Options, PartReport, SERVICES, ServerOptions, Servers, Stack};

use crate::cargo;
use crate::display::display;
use crate::signals::Signals;

/// From servers that are ready to a stack that is.
const READY_AIM: Duration = Duration::from_secs(5);
/// The five services together.
const MEMORY_AIM_KIB: u64 = 120 * 1024;
/// The first seconds are the start's, not idle ones.
const SETTLING: Duration = Duration::from_secs(5);

pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let signals = Signals::listen()?;
    let progress = display();
    progress.note("Building the five services with the release profile.");
    let binaries = cargo::build_for_benchmarks()?;

    let began = Instant::now();
    let servers = Servers::start(ServerOptions {
        home: Home::throwaway(cargo::checkout()),
        interrupt: signals.interrupt(),
        progress: progress.clone(),
    })?;
    let servers_ready = began.elapsed();
    let began = Instant::now();
    let stack = Stack::start(servers, Options { binaries, overrides: Vec::new() })?;
    let services_ready = began.elapsed();
    progress.note("Waiting five seconds, so that what is measured next is idle.");
    thread::sleep(SETTLING);

    let measured: Vec<Measured> = stack.parts().into_iter().map(Measured::of).collect::<Result<_, _>>()?;
    stack.shut_down()?;
    let good = print(&measured, servers_ready, services_ready);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Measured {
    part: PartReport,
    resident_kib: u64,
}

impl Measured {
    fn of(part: PartReport) -> anyhow::Result<Self> {
        let pid = part.pid.with_context(|| format!("{} does not run any more", part.name))?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))
            .with_context(|| format!("reading the memory of {}", part.name))?;
        let resident_kib = resident_kib(&status).context("/proc tells no VmRSS")?;
        ensure!(resident_kib > 0, "{} has ended", part.name);
        Ok(Self { part, resident_kib })
    }

    fn is_service(&self) -> bool {
        SERVICES.iter().any(|service| service.name == self.part.name)
    }
}

fn resident_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Prints the figures, and tells whether the aims are met.
fn print(measured: &[Measured], servers_ready: Duration, services_ready: Duration) -> bool {
    println!(
        "\nRelease profile, fresh schemas, each part started once; resident: VmRSS after five idle seconds.\n"
    );
    println!("  {:16} {:>12} {:>14}", "part", "ready after", "resident");
    for one in measured {
        println!(
            "  {:16} {:>10.2} s {:>10.1} MiB",
            one.part.name,
            one.part.ready_after.as_secs_f64(),
            mebibytes(one.resident_kib)
        );
    }
    let resident_kib: u64 = measured.iter().filter(|one| one.is_service()).map(|one| one.resident_kib).sum();
    println!("\n  servers ready    {:>10.2} s", servers_ready.as_secs_f64());
    let quick = services_ready <= READY_AIM;
    println!(
        "  services ready   {:>10.2} s after their databases; aim: {} s; {}",
        services_ready.as_secs_f64(),
        READY_AIM.as_secs(),
        verdict(quick)
    );
    let small = resident_kib <= MEMORY_AIM_KIB;
    println!(
        "  five services    {:>10.1} MiB resident; aim: {} MiB; {}",
        mebibytes(resident_kib),
        MEMORY_AIM_KIB / 1024,
        verdict(small)
    );
    quick && small
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

fn mebibytes(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_from_proc() {
        assert_eq!(resident_kib("Name:\tgateway\nVmRSS:\t   10240 kB\nThreads:\t3\n"), Some(10_240));
        assert_eq!(resident_kib("Name:\tzombie\n"), None);
    }
}
