use std::error::Error;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

/// Renews a lease in a task of its own, until this is dropped or the lease is lost.
#[derive(Debug)]
pub struct Heartbeat {
    lost: CancellationToken,
    _renewing: AbortOnDropHandle<()>,
}

impl Heartbeat {
    /// Renews the lease `what`, first after `every`, which should be a third of the lease or less, so that one renewal may
    /// fail. `renew` gives false if the lease belongs to another process.
    pub fn start<F, E>(what: &'static str, every: Duration, renew: impl Fn() -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<bool, E>> + Send,
        E: Error + Send + 'static,
    {
        let lost = CancellationToken::new();
        let is_lost = lost.clone();
        let renewing = async move {
            loop {
                tokio::time::sleep(every).await;
                match renew().await {
                    Ok(true) => {}
                    Ok(false) => {
                        tracing::warn!(lease = what, "a lease was lost while its work runs");
                        is_lost.cancel();
                        return;
                    }
                    Err(error) => {
                        let error = telemetry::chain(&error);
                        tracing::warn!(
                            lease = what,
                            error,
                            "could not renew a lease; it will be tried again"
                        );
                    }
                }
            }
        };
        let renewing = AbortOnDropHandle::new(tokio::spawn(renewing.in_current_span()));
        Self { lost, _renewing: renewing }
    }

    /// Is cancelled when the lease is lost.
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const EVERY: Duration = Duration::from_secs(3);

    /// Fails once, succeeds twice, and then finds the lease lost.
    fn start(renewals: &Arc<AtomicU32>) -> Heartbeat {
        let renewals = Arc::clone(renewals);
        Heartbeat::start("oven", EVERY, move || {
            let renewal = renewals.fetch_add(1, Ordering::SeqCst);
            async move {
                match renewal {
                    0 => Err(io::Error::other("no database")),
                    1 | 2 => Ok(true),
                    _ => Ok(false),
                }
            }
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_is_renewed_until_it_is_lost() {
        let renewals = Arc::default();
        let heartbeat = start(&renewals);
        tokio::time::sleep(3 * EVERY + EVERY / 2).await;
        assert!(!heartbeat.lost().is_cancelled(), "one failure is no loss");
        heartbeat.lost().cancelled().await;
        tokio::time::sleep(5 * EVERY).await;
        assert_eq!(renewals.load(Ordering::SeqCst), 4, "a lost lease is not renewed");
    }

    #[tokio::test(start_paused = true)]
    async fn a_heartbeat_ends_when_it_is_dropped() {
        let renewals = Arc::default();
        let heartbeat = start(&renewals);
        tokio::time::sleep(EVERY + EVERY / 2).await;
        drop(heartbeat);
        tokio::time::sleep(5 * EVERY).await;
        assert_eq!(renewals.load(Ordering::SeqCst), 1);
    }
}
