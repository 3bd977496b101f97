//! Which process runs which version of its settings. Each says so whenever it asks for changes.
//!
//! It is kept in memory only. A process asks one of several servers, so each server knows only its own.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use settings::Report;
use settings::report::{HEADER, Refused};
use tokio::time::Instant;

use crate::names::Name;

/// Who has not asked for this time is forgotten. A process asks at least every 45 seconds, or its server is away.
const KEPT: Duration = Duration::from_secs(5 * 60);
/// How many processes of one application are known. One more replaces the one that has not asked for longest.
const INSTANCES_MAX: usize = 1_000;

/// The latest reports. An application can report only for itself.
#[derive(Debug, Default)]
pub(crate) struct Instances {
    seen: Mutex<BTreeMap<Name, BTreeMap<String, Seen>>>,
}

#[derive(Debug)]
struct Seen {
    report: Report,
    at: Instant,
}

/// What a process has said.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Instance {
    pub(crate) application: String,
    pub(crate) name: String,
    pub(crate) applied: Option<String>,
    pub(crate) refused: Option<Refused>,
    pub(crate) restart_pending: Vec<String>,
    pub(crate) seen_seconds_ago: u64,
}

impl Instances {
    /// Notes the report in the headers of a request, if it has one. What is no report is passed over.
    pub(crate) fn note(&self, application: &Name, headers: &HeaderMap) {
        let Some(report) = headers.get(HEADER).and_then(|header| Report::from_header(header.as_bytes()))
        else {
            return;
        };
        let now = Instant::now();
        let mut seen = self.seen();
        let of_application = seen.entry(application.clone()).or_default();
        of_application.retain(|_, seen| now - seen.at < KEPT);
        if of_application.len() >= INSTANCES_MAX && !of_application.contains_key(&report.instance) {
            let longest = of_application.iter().min_by_key(|(_, seen)| seen.at);
            let longest = longest.map(|(name, _)| name.clone());
            longest.and_then(|name| of_application.remove(&name));
        }
        of_application.insert(report.instance.clone(), Seen { report, at: now });
    }

    /// All processes that have asked lately, by application and name.
    pub(crate) fn all(&self) -> Vec<Instance> {
        let now = Instant::now();
        let mut all = Vec::new();
        for (application, of_application) in &*self.seen() {
            for (name, Seen { report, at }) in of_application {
                let ago = now - *at;
                if ago < KEPT {
                    all.push(Instance {
                        application: application.to_string(),
                        name: name.clone(),
                        applied: report.applied.clone(),
                        refused: report.refused.clone(),
                        restart_pending: report.restart_pending.clone(),
                        seen_seconds_ago: ago.as_secs(),
                    });
                }
            }
        }
        all
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<Name, BTreeMap<String, Seen>>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> Name {
        name.to_owned().try_into().unwrap()
    }

    fn headers(instance: &str, applied: &str) -> HeaderMap {
        let report =
            Report { instance: instance.to_owned(), applied: Some(applied.to_owned()), ..Report::default() };
        HeaderMap::from_iter([(HEADER.parse().unwrap(), report.to_header().parse().unwrap())])
    }

    #[tokio::test(start_paused = true)]
    async fn the_latest_report_counts_and_the_silent_are_forgotten() {
        let instances = Instances::default();
        instances.note(&name("shop"), &headers("one", "1"));
        tokio::time::advance(Duration::from_secs(299)).await;
        instances.note(&name("shop"), &headers("two", "1"));
        instances.note(&name("shop"), &headers("two", "2"));
        instances.note(&name("bank"), &headers("one", "3"));

        let shown = |instances: &Instances| -> Vec<(String, String, Option<String>, u64)> {
            let all = instances.all().into_iter();
            all.map(|one| (one.application, one.name, one.applied, one.seen_seconds_ago)).collect()
        };
        let row = |application: &str, name: &str, applied: &str, ago| {
            (application.to_owned(), name.to_owned(), Some(applied.to_owned()), ago)
        };
        assert_eq!(
            shown(&instances),
            [row("bank", "one", "3", 0), row("shop", "one", "1", 299), row("shop", "two", "2", 0)]
        );
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(shown(&instances), [row("bank", "one", "3", 1), row("shop", "two", "2", 1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_application_can_not_fill_the_memory_and_pushes_out_nobody_else() {
        let instances = Instances::default();
        instances.note(&name("bank"), &headers("one", "1"));
        for number in 0..=INSTANCES_MAX {
            tokio::time::advance(Duration::from_millis(1)).await;
            instances.note(&name("shop"), &headers(&number.to_string(), "1"));
        }

        let all = instances.all();

        assert_eq!(all.len(), INSTANCES_MAX + 1);
        assert_eq!(all[0].application, "bank");
        assert!(all.iter().all(|instance| instance.name != "0"));
    }
}
