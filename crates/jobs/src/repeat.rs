use std::error::Error;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::Progress;

/// When the next round begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At once: there is more to do.
    AtOnce,
    /// After the pause.
    AfterPause,
}

impl Next {
    /// At once if there is more to do.
    pub const fn at_once_if(has_more: bool) -> Self {
        if has_more { Self::AtOnce } else { Self::AfterPause }
    }
}

/// A round without a result leaves nothing to do.
impl From<()> for Next {
    fn from((): ()) -> Self {
        Self::AfterPause
    }
}

/// Does rounds of `work` until `shutdown` is cancelled, and reports each to `progress`. The result of a round tells when the next
/// one begins: a [`Next`], or nothing for a pause. After a round that fails there is a pause as well. A round is never
/// cancelled.
pub async fn repeat<F, N, E>(
    progress: &Progress,
    shutdown: &CancellationToken,
    pause: Duration,
    work: impl Fn() -> F,
) where
    F: Future<Output = Result<N, E>>,
    N: Into<Next>,
    E: Error + 'static,
{
    repeat_after(progress, shutdown, || pause, work).await;
}

/// Does what [`repeat`] does. Each pause is as long as `pause` says when it begins.
pub async fn repeat_after<F, N, E>(
    progress: &Progress,
    shutdown: &CancellationToken,
    pause: impl Fn() -> Duration,
    work: impl Fn() -> F,
) where
    F: Future<Output = Result<N, E>>,
    N: Into<Next>,
    E: Error + 'static,
{
    while !shutdown.is_cancelled() {
        let next = match work().await {
            Ok(next) => {
                progress.succeeded();
                next.into()
            }
            Err(error) => {
                let worker = progress.worker();
                tracing::warn!(worker, error = telemetry::chain(&error), "a round of a worker failed");
                progress.failed(&error);
                Next::AfterPause
            }
        };
        if next == Next::AfterPause {
            let _ = shutdown.run_until_cancelled(tokio::time::sleep(pause())).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::Instant;

    use super::*;

    const PAUSE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn there_is_a_pause_after_each_round_that_leaves_nothing_to_do_or_fails() {
        let (began, rounds) = (Instant::now(), AtomicU32::new(0));
        let (progress, shutdown) = (Progress::new("sweep"), CancellationToken::new());
        let work = || async {
            match rounds.fetch_add(1, Ordering::SeqCst) {
                0 | 1 => Ok(Next::at_once_if(true)),
                2 => Err(io::Error::other("no database")),
                3 => Ok(Next::at_once_if(false)),
                _ => {
                    shutdown.cancel();
                    Ok(Next::AfterPause)
                }
            }
        };
        repeat(&progress, &shutdown, PAUSE, work).await;
        assert_eq!((rounds.load(Ordering::SeqCst), began.elapsed()), (5, 2 * PAUSE));
        assert!(progress.check(Duration::ZERO).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_with_the_process() {
        let (progress, shutdown) = (Progress::new("sweep"), CancellationToken::new());
        let cancelling = async {
            tokio::time::sleep(PAUSE / 2).await;
            shutdown.cancel();
        };
        let began = Instant::now();
        let work = || async { Ok::<_, io::Error>(()) };
        tokio::join!(repeat(&progress, &shutdown, PAUSE, work), cancelling);
        assert_eq!(began.elapsed(), PAUSE / 2);
    }
}
