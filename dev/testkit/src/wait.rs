//! Waiting for background work, with a time limit.

use std::time::Duration;

use tokio::time::Instant;

const POLL: Duration = Duration::from_millis(10);

/// Tries again until `attempt` succeeds, and returns its result.
///
/// # Panics
/// If that takes longer than `patience`, with the last error.
pub async fn eventually<T>(patience: Duration, mut attempt: impl AsyncFnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(error) => assert!(Instant::now() < deadline, "not within {patience:?}: {error}"),
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until a condition holds. `what` says which.
///
/// # Panics
/// If that takes longer than `patience`.
pub async fn until(what: &str, patience: Duration, condition: impl AsyncFnMut() -> bool) {
    assert!(holds_within(patience, condition).await, "not within {patience:?}: {what}");
}

/// Waits until a condition holds; false if it does not within `patience`.
pub async fn holds_within(patience: Duration, mut condition: impl AsyncFnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    while !condition().await {
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(POLL).await;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_condition_is_waited_for_and_no_longer_than_asked() {
        let mut looks = 0;
        until("the third look", PATIENCE, async || {
            looks += 1;
            looks == 3
        })
        .await;
        assert!(!holds_within(Duration::from_millis(1), async || false).await);
    }

    #[tokio::test]
    #[should_panic(expected = "not within 1ms: still cold")]
    async fn the_last_error_is_the_message() {
        eventually(Duration::from_millis(1), async || Err::<(), _>("still cold".to_owned())).await;
    }
}
