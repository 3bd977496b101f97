//! The job and both floors at each number of lines.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::MySqlPool;
use stack::Stack;

use super::arguments::Arguments;
use super::floors::{self, Cost};
use super::job::{self, Administrator};
use super::lines;
use crate::aim::verdict;
use crate::figures::{Figures, Of};
use crate::load::median;
use crate::measured_stack::blocking;
use crate::process::Process;

const AIM_AGAINST_COPY: f64 = 1.5;
const AIM_AGAINST_GROUP_BY: f64 = 10.0;
/// From the smallest day to the largest.
const AIM_FLAT: f64 = 1.25;
const AIM_MEMORY_KIB: u64 = 32 * 1024;
/// The aim against the plain insert is for this number of lines.
const MANY: u64 = 10_000_000;
/// In the first seconds after its start a process is not idle.
const SETTLING: Duration = Duration::from_secs(3);

/// The figures for one number of lines.
struct Size {
    lines: u64,
    made: Duration,
    read_ahead: Cost,
    grouped: Cost,
    copied: Vec<Cost>,
    job: Vec<Cost>,
    steps: Vec<(String, f64)>,
    idle_kib: u64,
    peak_kib: u64,
}

impl Size {
    fn ratio(&self, of: impl Fn(&Cost) -> Duration) -> f64 {
        let ratios = self.job.iter().zip(&self.copied);
        median(ratios.map(|(job, copied)| of(job).as_secs_f64() / of(copied).as_secs_f64()).collect())
    }

    fn job(&self, of: impl Fn(&Cost) -> Duration) -> f64 {
        median(self.job.iter().map(|cost| of(cost).as_secs_f64()).collect())
    }

    fn copied(&self, of: impl Fn(&Cost) -> Duration) -> f64 {
        median(self.copied.iter().map(|cost| of(cost).as_secs_f64()).collect())
    }

    fn note(&self, figures: &mut Figures) {
        let lines = self.lines;
        for (what, of) in [("", took as fn(&Cost) -> Duration), (", processor time of the database", used)] {
            figures.cost(Of::Dalkom, &format!("the job, {lines} lines{what}"), "s", self.job(of));
            let (read_ahead, grouped) = (of(&self.read_ahead), of(&self.grouped));
            figures.time(Of::Dalkom, &format!("reading ahead, {lines} lines{what}"), read_ahead);
            figures.time(Of::Floor, &format!("grouped from the lines, {lines} lines{what}"), grouped);
            figures.cost(
                Of::Floor,
                &format!("from ready-made totals, {lines} lines{what}"),
                "s",
                self.copied(of),
            );
        }
        let name = format!("memory of order-api at most, {lines} lines");
        figures.cost(Of::Dalkom, &name, "MiB", mebibytes(self.peak_kib));
    }
}

fn took(cost: &Cost) -> Duration {
    cost.took
}

fn used(cost: &Cost) -> Duration {
    cost.database
}

/// Measures and prints. True if the aims are met.
pub(super) async fn measure(
    stack: &Arc<Stack>,
    arguments: &Arguments,
    figures: &mut Figures,
) -> anyhow::Result<bool> {
    let rows = lines::rows(stack).await?;
    let day = lines::yesterday(&rows).await?;
    let mut sizes = Vec::new();
    for count in &arguments.lines {
        let size = measure_size(stack, &rows, &day, *count, arguments).await?;
        print_size(&size);
        size.note(figures);
        sizes.push(size);
    }
    Ok(print(&sizes))
}

async fn measure_size(
    stack: &Arc<Stack>,
    rows: &MySqlPool,
    day: &str,
    count: u64,
    arguments: &Arguments,
) -> anyhow::Result<Size> {
    blocking(stack, |stack| stack.stop("order-api")).await?;
    job::reset(rows).await?;
    let made = lines::make(rows, day, count, arguments.sellers).await?;
    floors::prepare(rows, day).await?;
    let database = Process::of(stack, "mariadb")?;

    let (before, began) = (database.processor_time()?, Instant::now());
    blocking(stack, |stack| stack.start_again("order-api")).await?;
    job::read_ahead(rows, day).await?;
    let read_ahead = Cost { took: began.elapsed(), database: database.processor_time_since(before)? };

    tokio::time::sleep(SETTLING).await;
    let orders = Process::of(stack, "order-api")?;
    let (idle_kib, _) = orders.memory_kib()?;
    orders.reset_peak()?;
    let mut administrator = Administrator::new(stack).await?;
    let (mut copied, mut jobs) = (Vec::new(), Vec::new());
    for _ in 0..arguments.rounds {
        copied.push(floors::copied(rows, database, day).await?);
        job::reset(rows).await?;
        jobs.push(job::settle(rows, database, &mut administrator, day).await?);
    }
    let (_, peak_kib) = orders.memory_kib()?;
    let steps = job::steps(rows).await?;
    let grouped = floors::grouped(rows, database, day).await?;
    Ok(Size { lines: count, made, read_ahead, grouped, copied, job: jobs, steps, idle_kib, peak_kib })
}

fn print_size(size: &Size) {
    let row = |what: &str, took: f64, used: f64| println!("    {what:44} {took:>9.3} s {used:>9.3} s");
    println!("{} lines (generated in {:.0} s)", size.lines, size.made.as_secs_f64());
    println!("    {:44} {:>11} {:>11}", "", "time", "database");
    row(
        "(a) INSERT … SELECT … GROUP BY over the lines",
        size.grouped.took.as_secs_f64(),
        size.grouped.database.as_secs_f64(),
    );
    row("(b) INSERT … SELECT from ready-made totals", size.copied(took), size.copied(used));
    row("the job", size.job(took), size.job(used));
    for (step, seconds) in &size.steps {
        println!("      {step:42} {seconds:>9.3} s");
    }
    row(
        "reading ahead, over the whole day before",
        size.read_ahead.took.as_secs_f64(),
        size.read_ahead.database.as_secs_f64(),
    );
    println!(
        "    the job / (b)  {:.2} by time, {:.2} by the database's processor time; (a) / the job  {:.1}; memory {:.1} MiB idle, {:.1} MiB at most\n",
        size.ratio(took),
        size.ratio(used),
        size.grouped.took.as_secs_f64() / size.job(took),
        mebibytes(size.idle_kib),
        mebibytes(size.peak_kib),
    );
}

fn print(sizes: &[Size]) -> bool {
    let mut all_met = true;
    let mut line = |what: &str, value: f64, aim: String, met: bool| {
        all_met &= met;
        println!("  {what:58} {value:>8.2}   aim {aim:10} {}", verdict(met));
    };
    for size in sizes {
        let ratio = size.ratio(took);
        line(
            &format!("{} lines: the job / (b)", size.lines),
            ratio,
            format!("≤ {AIM_AGAINST_COPY}"),
            ratio <= AIM_AGAINST_COPY,
        );
    }
    if let (Some(first), Some(last), true) = (sizes.first(), sizes.last(), sizes.len() > 1) {
        let growth = last.job(took) / first.job(took);
        line(
            "the job, from the fewest lines to the most",
            growth,
            format!("≤ {AIM_FLAT}"),
            growth <= AIM_FLAT,
        );
    }
    for size in sizes.iter().filter(|size| size.lines >= MANY) {
        let times = size.grouped.took.as_secs_f64() / size.job(took);
        line(
            &format!("{} lines: (a) / the job", size.lines),
            times,
            format!("≥ {AIM_AGAINST_GROUP_BY}"),
            times >= AIM_AGAINST_GROUP_BY,
        );
    }
    let more = sizes.iter().map(|size| size.peak_kib.saturating_sub(size.idle_kib)).max().unwrap_or_default();
    line("memory of order-api above idle, MiB", mebibytes(more), "≤ 32".to_owned(), more <= AIM_MEMORY_KIB);
    println!();
    all_met
}

fn mebibytes(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0
}
