use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Waits until the process is told to shut down, and then for every task in `tasks`: work of a request that goes on after its
/// answer. It runs as a worker of the service, so that the process does not exit before these tasks have ended.
pub async fn drain(tasks: TaskTracker, shutdown: CancellationToken) {
    shutdown.cancelled().await;
    tasks.close();
    tasks.wait().await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{sleep, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_what_is_under_way() {
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let mut draining = tokio::spawn(drain(tasks.clone(), shutdown.clone()));
        assert!(timeout(Duration::from_secs(60), &mut draining).await.is_err(), "nobody has told it to end");
        tasks.spawn(sleep(Duration::from_secs(5)));
        shutdown.cancel();
        assert!(timeout(Duration::from_secs(4), &mut draining).await.is_err(), "a task is under way");
        timeout(Duration::from_secs(2), draining)
            .await
            .expect("it ends with the task")
            .expect("it ends well");
    }
}
