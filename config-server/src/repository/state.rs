//! What both kinds of repositories tell: that other files are served, and whether they are the latest.

use tokio::sync::watch;

/// Tells of changes of the files that are served.
pub(crate) struct Changes(watch::Receiver<()>);

impl Changes {
    pub(super) fn of(changed: &watch::Sender<()>) -> Self {
        Self(changed.subscribe())
    }

    /// Takes all changes until now as seen.
    pub(crate) fn mark_seen(&mut self) {
        self.0.mark_unchanged();
    }

    /// Waits for the next change.
    pub(crate) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // The repository is gone, so nothing changes any more.
            std::future::pending::<()>().await;
        }
    }
}

/// Counts a look at the files by its outcome: `published`, `unchanged` or `refused`.
pub(super) fn count_scan(outcome: &'static str, is_up_to_date: bool) {
    metrics::counter!("config_scans_total", "outcome" => outcome).increment(1);
    metrics::gauge!("config_files_up_to_date").set(if is_up_to_date { 1.0 } else { 0.0 });
}
