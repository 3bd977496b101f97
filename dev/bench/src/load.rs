//! Closed loops: each of several workers begins its next turn when the last one is finished.

use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::task::JoinSet;

/// The work of one worker.
pub(crate) trait Work: Send + 'static {
    /// Does one turn.
    fn once(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// How long is measured, and the time before that, which does not count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// The result.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    /// The times of all turns, the shortest first.
    sorted: Vec<Duration>,
}

impl Measured {
    /// A percentile of the times.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let last = self.sorted.len().saturating_sub(1);
        self.sorted.get(last * percent / 100).copied().unwrap_or_default()
    }

    /// The result for a longer time, if the work was finished later than the last answer.
    pub(crate) fn over(self, whole: Duration) -> Self {
        let count = f64::from(u32::try_from(self.sorted.len()).unwrap_or(u32::MAX));
        Self { per_second: count / whole.as_secs_f64(), ..self }
    }
}

/// Runs all workers at once. The first error ends all.
pub(crate) async fn drive<W: Work>(workers: Vec<W>, span: Span) -> anyhow::Result<Measured> {
    let begin = Instant::now() + span.warm_up;
    let end = begin + span.measured;
    let mut loops: JoinSet<anyhow::Result<Vec<Duration>>> = JoinSet::new();
    for mut worker in workers {
        loops.spawn(async move {
            let mut took = Vec::new();
            loop {
                let began = Instant::now();
                if began >= end {
                    return Ok(took);
                }
                worker.once().await?;
                if began >= begin {
                    took.push(began.elapsed());
                }
            }
        });
    }
    let mut sorted = Vec::new();
    while let Some(took) = loops.join_next().await {
        sorted.extend(took??);
    }
    ensure!(!sorted.is_empty(), "no turn was finished within {:?}", span.measured);
    sorted.sort_unstable();
    let count = f64::from(u32::try_from(sorted.len())?);
    Ok(Measured { per_second: count / span.measured.as_secs_f64(), sorted })
}

/// The round with the median rate.
pub(crate) fn middle(mut rounds: Vec<Measured>) -> Measured {
    rounds.sort_by(|one, other| one.per_second.total_cmp(&other.per_second));
    rounds.swap_remove(rounds.len() / 2)
}

/// The median; of an even number of values, the upper one of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
