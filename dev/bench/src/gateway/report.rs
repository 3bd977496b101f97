//! The table and the figures.

use std::collections::BTreeMap;
use std::time::Duration;

use super::place::Logs;
use super::proxies::Kind;
use super::rows::Row;
use super::wrk::Answered;
use crate::aim::verdict;
use crate::figures::{Figures, Of};
use crate::load::median;

/// Of nginx's requests a second of processor time.
const AIM: f64 = 0.9;

/// One run of the load against one proxy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measurement {
    answered: Answered,
    used: Duration,
}

impl Measurement {
    pub(super) fn new(answered: Answered, used: Duration) -> Self {
        Self { answered, used }
    }

    /// Requests a second of the proxy's processor time.
    fn per_processor_second(self) -> f64 {
        f64::from(self.answered.requests) / self.used.as_secs_f64()
    }
}

type Key = (Logs, Row, u32);

/// All measurements of a run.
#[derive(Default)]
pub(super) struct Report {
    measured: BTreeMap<Key, BTreeMap<Kind, Vec<Measurement>>>,
    idle: Vec<(Kind, (u64, u64))>,
}

/// The medians of one proxy.
struct Medians {
    per_processor_second: f64,
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

impl Medians {
    fn of(all: &[Measurement]) -> Self {
        let of = |value: fn(&Measurement) -> f64| median(all.iter().map(value).collect());
        Self {
            per_processor_second: of(|one| one.per_processor_second()),
            per_second: of(|one| one.answered.per_second),
            p50: Duration::from_secs_f64(of(|one| one.answered.p50.as_secs_f64())),
            p99: Duration::from_secs_f64(of(|one| one.answered.p99.as_secs_f64())),
        }
    }
}

impl Report {
    pub(super) fn add(&mut self, row: Row, connections: u32, logs: Logs, kind: Kind, one: Measurement) {
        self.measured.entry((logs, row, connections)).or_default().entry(kind).or_default().push(one);
    }

    /// The memory of idle connections: before them and with them.
    pub(super) fn idle(&mut self, kind: Kind, memory_kib: (u64, u64)) {
        self.idle.push((kind, memory_kib));
    }

    pub(super) fn print(&self, proxies: &[Kind]) {
        println!(
            "\nRequests a second of the proxy's processor time; the ratio to nginx is the median of the rounds.\n"
        );
        println!(
            "  {:16} {:>5} {:>4}  {:8} {:>12} {:>7} {:>10} {:>9} {:>9}",
            "request", "conns", "logs", "proxy", "per cpu-sec", "ratio", "a second", "p50", "p99"
        );
        for ((logs, row, connections), by_proxy) in &self.measured {
            for kind in proxies {
                let Some(all) = by_proxy.get(kind) else { continue };
                let medians = Medians::of(all);
                let ratio = ratio(by_proxy, *kind);
                println!(
                    "  {:16} {connections:>5} {:>4}  {kind:8} {:>12.0} {:>7} {:>10.0} {:>6.2} ms {:>6.2} ms{}",
                    row.title(),
                    if *logs == Logs::On { "on" } else { "off" },
                    medians.per_processor_second,
                    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
                    medians.per_second,
                    medians.p50.as_secs_f64() * 1e3,
                    medians.p99.as_secs_f64() * 1e3,
                    match ratio {
                        Some(ratio) if *kind == Kind::Dalkom =>
                            format!("  aim {AIM}: {}", verdict(ratio >= AIM)),
                        _ => String::new(),
                    },
                );
            }
        }
        for (kind, (before, with)) in &self.idle {
            println!("  {kind:8} {before:>8} KiB, with the idle connections {with:>8} KiB");
        }
    }

    pub(super) fn note(&self, figures: &mut Figures) {
        for ((logs, row, connections), by_proxy) in &self.measured {
            for (kind, all) in by_proxy {
                let of = if *kind == Kind::Dalkom { Of::Dalkom } else { Of::Floor };
                let logs = if *logs == Logs::On { "" } else { ", no logs" };
                let name = format!("{kind}: {}, {connections} connections{logs}", row.title());
                let medians = Medians::of(all);
                figures.rate(of, &format!("{name}, of processor time"), medians.per_processor_second);
                figures.time(of, &format!("{name}, p50"), medians.p50);
                figures.time(of, &format!("{name}, p99"), medians.p99);
            }
        }
        for (kind, (_, with)) in &self.idle {
            let of = if *kind == Kind::Dalkom { Of::Dalkom } else { Of::Floor };
            let kib = f64::from(u32::try_from(*with).unwrap_or(u32::MAX));
            figures.cost(of, &format!("{kind}: memory with idle connections"), "MiB", kib / 1024.0);
        }
    }
}

/// What a proxy does for nginx's one. Each round is a ratio of two values that were measured one after the other.
fn ratio(by_proxy: &BTreeMap<Kind, Vec<Measurement>>, kind: Kind) -> Option<f64> {
    let (all, nginx) = (by_proxy.get(&kind)?, by_proxy.get(&Kind::Nginx)?);
    let rounds =
        all.iter().zip(nginx).map(|(one, nginx)| one.per_processor_second() / nginx.per_processor_second());
    (kind != Kind::Nginx).then(|| median(rounds.collect()))
}
