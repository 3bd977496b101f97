//! Work that is dropped before its end, as when a client hangs up.

use std::task::Poll;
use std::time::Duration;

/// The highest number of polls after which [`Cancel::by_chance`] cancels.
const MOST_POLLS: usize = 8;

/// When a future is dropped.
#[derive(Clone, Copy, Debug)]
pub enum Cancel {
    /// Never: it runs to its end.
    Never,
    /// After this time.
    After(Duration),
    /// At an await point: after this number of polls, if it is not done.
    AtPoll(usize),
}

impl Cancel {
    /// One future in four runs to its end, one is dropped within `longest`, and two are dropped at one of the first polls.
    pub fn by_chance(longest: Duration) -> Self {
        match rand::random_range(0..4) {
            0 => Self::Never,
            1 => Self::After(rand::random_range(Duration::ZERO..=longest)),
            _ => Self::AtPoll(rand::random_range(1..=MOST_POLLS)),
        }
    }

    /// Runs `work`; `None` if it was dropped before its end.
    pub async fn run<T>(self, work: impl Future<Output = T>) -> Option<T> {
        match self {
            Self::Never => Some(work.await),
            Self::After(patience) => tokio::time::timeout(patience, work).await.ok(),
            Self::AtPoll(times) => {
                let mut work = Box::pin(work);
                let mut polls = 0;
                std::future::poll_fn(|context| {
                    polls += 1;
                    match work.as_mut().poll(context) {
                        Poll::Ready(done) => Poll::Ready(Some(done)),
                        Poll::Pending if polls >= times => Poll::Ready(None),
                        Poll::Pending => Poll::Pending,
                    }
                })
                .await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn after_polls(mut left: usize) -> &'static str {
        std::future::poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(());
            }
            left -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        "done"
    }

    #[tokio::test]
    async fn work_ends_or_is_dropped_at_its_poll() {
        assert_eq!(Cancel::Never.run(after_polls(3)).await, Some("done"));
        assert_eq!(Cancel::AtPoll(4).run(after_polls(3)).await, Some("done"));
        assert_eq!(Cancel::AtPoll(3).run(after_polls(3)).await, None);
    }

    #[tokio::test]
    async fn work_is_dropped_after_its_time() {
        let never = std::future::pending::<()>();
        assert_eq!(Cancel::After(Duration::from_millis(1)).run(never).await, None);
    }
}
