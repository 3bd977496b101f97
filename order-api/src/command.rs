//! The commands of the program: `order-api settle --day 2026-11-22`.

use std::time::Duration;

use anyhow::bail;
use clap::Subcommand;
use futures::FutureExt;
use futures::future::BoxFuture;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::batch::{BatchStatus, Cause, JobExecution, Listener, StepExecution};
use crate::settlement::day::BusinessDay;
use crate::settlement::day_of;
use crate::settlement::settler::Settler;

/// The progress bar of a step with a known number of items.
const BAR_WITH_TOTAL: &str = "{prefix:30} [{bar:30}] {human_pos} of {human_len} {elapsed}";
/// The progress bar of a step without a known number of items.
const BAR_WITHOUT_TOTAL: &str = "{prefix:30} {human_pos} read {elapsed}";
/// How often the elapsed time is updated.
const TICK: Duration = Duration::from_millis(200);

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Settle a day that is over, after those before it that are not settled
    Settle {
        /// The business day, YYYY-MM-DD in Asia/Seoul
        #[arg(long)]
        day: BusinessDay,
    },
}

/// Settles a day, and shows the progress.
pub(crate) async fn settle(settler: &Settler, day: BusinessDay) -> anyhow::Result<()> {
    let settled = settler.settle_through(day, Cause::CommandLine, &ProgressBars::default()).await?;
    let execution = &settled.execution;
    let settled_day = day_of(execution).unwrap_or(day);
    if !settled.is_new {
        println!(
            "{settled_day} was settled before, at {}.",
            execution.end_time.unwrap_or(execution.last_updated)
        );
        return Ok(());
    }
    match execution.status {
        BatchStatus::Completed => println!("{settled_day} is settled. Settlements: {}.", written(execution)),
        BatchStatus::Started | BatchStatus::Stopped => {
            bail!("{settled_day} is not settled: the run was stopped")
        }
        BatchStatus::Failed => {
            bail!(
                "{settled_day} is not settled: {}",
                execution.exit_message.as_deref().unwrap_or("the run failed")
            )
        }
    }
    Ok(())
}

fn written(execution: &JobExecution) -> u64 {
    execution.steps.iter().map(|step| step.counts.written + step.counts.skipped).sum()
}

/// One bar for each step. Without a terminal indicatif draws nothing, and each step prints a line at its end.
#[derive(Default)]
struct ProgressBars {
    all: MultiProgress,
    current: std::sync::Mutex<Option<(uuid::Uuid, ProgressBar)>>,
}

impl ProgressBars {
    fn bar_of(&self, job_key: &str, step: &StepExecution) -> ProgressBar {
        let mut current = self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &*current {
            Some((id, bar)) if *id == step.id => bar.clone(),
            _ => {
                let template = if step.expected > 0 { BAR_WITH_TOTAL } else { BAR_WITHOUT_TOTAL };
                let style = ProgressStyle::with_template(template)
                    .expect("the constant is a valid template")
                    .progress_chars("=> ");
                let bar = self.all.add(ProgressBar::new(step.expected).with_style(style));
                bar.set_prefix(format!("{job_key} {}", step.step_name));
                bar.enable_steady_tick(TICK);
                *current = Some((step.id, bar.clone()));
                bar
            }
        }
    }
}

impl Listener for ProgressBars {
    fn progress<'a>(&'a self, job_key: &'a str, step: &'a StepExecution) -> BoxFuture<'a, ()> {
        let bar = self.bar_of(job_key, step);
        bar.set_position(step.counts.read);
        if step.end_time.is_some() {
            if step.status == BatchStatus::Completed {
                bar.set_length(step.counts.read);
            }
            // The bar stays as it is, also if the step has not completed.
            bar.abandon();
            if bar.is_hidden() {
                println!("{job_key} {}: {}, {} read", step.step_name, step.status.as_str(), step.counts.read);
            }
        }
        futures::future::ready(()).boxed()
    }
}
