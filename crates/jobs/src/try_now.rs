use std::panic::resume_unwind;

use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// Runs work of a request in a task of `tasks`, and waits for it until `deadline`. Returns `None` if the work then goes on
/// after the answer, or if the process has ended it. [`drain`](crate::drain) waits for such work at the end of the process.
pub async fn try_now<T: Send + 'static>(
    tasks: &TaskTracker,
    deadline: Instant,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    match timeout_at(deadline, tasks.spawn(work.in_current_span())).await {
        Ok(Ok(done)) => Some(done),
        Ok(Err(stopped)) if stopped.is_panic() => resume_unwind(stopped.into_panic()),
        Ok(Err(_)) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    async fn baked_after(tasks: &TaskTracker, seconds: u64) -> Option<&'static str> {
        let baking = async move {
            sleep(Duration::from_secs(seconds)).await;
            "cake"
        };
        try_now(tasks, Instant::now() + LIMIT, baking).await
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_ends_in_time_has_a_result_and_other_work_goes_on() {
        let (tasks, began) = (TaskTracker::new(), Instant::now());
        assert_eq!(baked_after(&tasks, 4).await, Some("cake"));
        assert_eq!(baked_after(&tasks, 8).await, None);
        assert_eq!((began.elapsed().as_secs(), tasks.len()), (9, 1));
        tasks.close();
        tasks.wait().await;
        assert_eq!(began.elapsed().as_secs(), 12);
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "the oven is off")]
    async fn a_panic_of_the_work_is_one_of_its_caller() {
        let tasks = TaskTracker::new();
        let _: Option<()> =
            try_now(&tasks, Instant::now() + LIMIT, async { panic!("the oven is off") }).await;
    }
}
