//! `cargo xtask bench boot`: the time until each part is ready, and its resident memory when it is idle.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use stack::{
    Database, Home, Interrupt, Options, PartReport, SERVICES, ServerOptions, Servers, Silent, Stack,
};
use tokio::task::spawn_blocking;

use crate::aim::verdict;
use crate::figures::{Figures, Of};

/// From ready servers to a ready stack.
const READY_AIM: Duration = Duration::from_secs(5);
/// The five services together.
const MEMORY_AIM_KIB: u64 = 120 * 1024;
/// In the first seconds after the start the processes are not idle.
const SETTLING: Duration = Duration::from_secs(5);

pub(crate) async fn run(binaries: PathBuf, figures: &mut Figures) -> anyhow::Result<ExitCode> {
    let start = spawn_blocking(move || Start::measure(binaries)).await??;
    start.note(figures);
    Ok(if start.print() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One start of everything.
struct Start {
    servers_ready: Duration,
    /// The time after the servers were ready.
    services_ready: Duration,
    parts: Vec<Measured>,
}

struct Measured {
    part: PartReport,
    resident_kib: u64,
}

impl Measured {
    fn of_part(part: PartReport) -> anyhow::Result<Self> {
        let pid = part.pid.with_context(|| format!("{} is not running", part.name))?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))
            .with_context(|| format!("reading the memory of {}", part.name))?;
        let resident_kib = resident_kib(&status).context("/proc shows no VmRSS")?;
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

impl Start {
    fn measure(binaries: PathBuf) -> anyhow::Result<Self> {
        let began = Instant::now();
        let servers = Servers::start(ServerOptions {
            home: Home::throwaway(stack::checkout()),
            database: Database::MariaDb,
            interrupt: Interrupt::default(),
            progress: Arc::new(Silent),
        })?;
        let servers_ready = began.elapsed();
        let began = Instant::now();
        let stack = Stack::start(servers, Options { binaries, ..Options::default() })?;
        let services_ready = began.elapsed();
        thread::sleep(SETTLING);

        let parts = stack.parts().into_iter().map(Measured::of_part).collect::<Result<_, _>>()?;
        stack.shut_down()?;
        Ok(Self { servers_ready, services_ready, parts })
    }

    /// The resident memory of the five services.
    fn resident_kib(&self) -> u64 {
        self.parts.iter().filter(|one| one.is_service()).map(|one| one.resident_kib).sum()
    }

    fn note(&self, figures: &mut Figures) {
        figures.time(Of::Dalkom, "services ready", self.services_ready);
        figures.cost(Of::Dalkom, "services resident", "MiB", mebibytes(self.resident_kib()));
        for one in &self.parts {
            let of = if one.is_service() { Of::Dalkom } else { Of::Floor };
            let name = &one.part.name;
            figures.time(of, &format!("{name} ready"), one.part.ready_after);
            figures.cost(of, &format!("{name} resident"), "MiB", mebibytes(one.resident_kib));
        }
    }

    /// Prints the figures. True if the aims are met.
    fn print(&self) -> bool {
        println!(
            "\nRelease profile, fresh schemas, each part started once; resident: VmRSS after five idle seconds.\n"
        );
        println!("  {:16} {:>12} {:>14}", "part", "ready after", "resident");
        for one in &self.parts {
            println!(
                "  {:16} {:>10.2} s {:>10.1} MiB",
                one.part.name,
                one.part.ready_after.as_secs_f64(),
                mebibytes(one.resident_kib)
            );
        }
        println!("\n  servers ready    {:>10.2} s", self.servers_ready.as_secs_f64());
        let quick = self.services_ready <= READY_AIM;
        println!(
            "  services ready   {:>10.2} s after their databases; aim: {} s; {}",
            self.services_ready.as_secs_f64(),
            READY_AIM.as_secs(),
            verdict(quick)
        );
        let resident_kib = self.resident_kib();
        let small = resident_kib <= MEMORY_AIM_KIB;
        println!(
            "  five services    {:>10.1} MiB resident; aim: {} MiB; {}",
            mebibytes(resident_kib),
            MEMORY_AIM_KIB / 1024,
            verdict(small)
        );
        quick && small
    }
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
