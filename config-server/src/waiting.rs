//! Waits until settings are others than those that the caller has: `If-None-Match: "VERSION"` and `Prefer: wait=SECONDS`.
//!
//! A caller without `If-None-Match` gets its answer at once, as every Spring client does. So does a caller without `Prefer`: 304 if
//! nothing has changed.

use std::time::Duration;

use headers::{ETag, HeaderMapExt as _, IfNoneMatch};
use http::{HeaderMap, HeaderName};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::environment::Environment;
use crate::repository::Changes;

/// How long a caller can wait. It is shorter than the time that a server gives a request by default.
const WAIT_MAX: Duration = Duration::from_secs(25);

/// How many callers can wait. Each has a task and a connection. One more is answered at once.
const WAITERS_MAX: usize = 4_096;

pub(crate) const PREFER: HeaderName = HeaderName::from_static("prefer");
pub(crate) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The places for callers that wait.
#[derive(Debug)]
pub(crate) struct Waiting {
    places: Semaphore,
    /// All of them are answered when the server drains.
    drain: CancellationToken,
}

/// What the caller gets.
pub(crate) enum Outcome {
    /// Other settings than the caller has.
    Found(Environment, ETag),
    /// The caller has them already.
    NotModified(ETag),
}

/// What the caller has, and how long it waits for something else.
pub(crate) struct Wish {
    known: Option<IfNoneMatch>,
    pub(crate) wait: Option<Duration>,
}

impl Waiting {
    pub(crate) fn new(drain: CancellationToken) -> Self {
        Self::with_places(WAITERS_MAX, drain)
    }

    fn with_places(places: usize, drain: CancellationToken) -> Self {
        Self { places: Semaphore::new(places), drain }
    }

    /// Finds settings, and waits while they are those that the caller has.
    pub(crate) async fn find<E>(
        &self,
        wish: &Wish,
        mut changes: Changes,
        find: impl Fn() -> Result<Environment, E>,
    ) -> Result<Outcome, E> {
        let deadline = Instant::now() + wish.wait.unwrap_or_default();
        let mut place = None;
        loop {
            // A change that comes after this line ends the wait below.
            changes.mark_seen();
            let environment = find()?;
            let tag = tag(&environment.digest);
            if wish.known.as_ref().is_none_or(|known| known.precondition_passes(&tag)) {
                return Ok(Outcome::Found(environment, tag));
            }
            drop(environment);
            if place.is_none() {
                place = self.places.try_acquire().ok();
            }
            if place.is_none() || self.drain.is_cancelled() {
                return Ok(Outcome::NotModified(tag));
            }
            tokio::select! {
                changed = timeout_at(deadline, changes.next()) => {
                    if changed.is_err() {
                        return Ok(Outcome::NotModified(tag));
                    }
                }
                () = self.drain.cancelled() => return Ok(Outcome::NotModified(tag)),
            }
        }
    }
}

impl Wish {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let known = headers.typed_get::<IfNoneMatch>();
        let wait =
            headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok()).find_map(preferred_wait);
        Self { wait: wait.filter(|_| known.is_some()).map(|wait| wait.min(WAIT_MAX)), known }
    }
}

/// A version is made of hexadecimal digits.
fn tag(version: &str) -> ETag {
    format!("\"{version}\"").parse().expect("a version can stand in a header")
}

/// Reads `wait=30` in a list of preferences.
fn preferred_wait(value: &str) -> Option<Duration> {
    let mut preferences = value.split([',', ';']).filter_map(|preference| preference.split_once('='));
    let (_, seconds) = preferences.find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))?;
    seconds.trim().trim_matches('"').parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_and_bounded() {
        for (value, expected) in [
            ("wait=30", Some(25)),
            ("respond-async, wait=7", Some(7)),
            ("Wait = \"7\"; x=1", Some(7)),
            ("wait=0", Some(0)),
            ("wait=-1", None),
            ("wait=many", None),
            ("waiting=7", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(PREFER, value.parse().unwrap());
            assert_eq!(Wish::of(&headers).wait, None, "{value}: nothing is known");
            headers.insert(http::header::IF_NONE_MATCH, "\"a\"".parse().unwrap());
            assert_eq!(Wish::of(&headers).wait, expected.map(Duration::from_secs), "{value}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_place_is_answered_at_once() {
        let repository = crate::repository::Repository::new(Vec::new());
        let waiting = Waiting::with_places(1, CancellationToken::new());
        let environment = || {
            Ok::<_, ()>(Environment {
                name: "shop".to_owned(),
                profiles: ["default".to_owned()],
                label: None,
                version: "a".to_owned(),
                digest: "a".to_owned(),
                state: None,
                property_sources: Vec::new(),
                opened: std::collections::BTreeSet::new(),
            })
        };
        let mut headers = HeaderMap::new();
        headers.insert(PREFER, "wait=10".parse().unwrap());
        headers.insert(http::header::IF_NONE_MATCH, "\"a\"".parse().unwrap());
        let wish = Wish::of(&headers);
        let began = Instant::now();

        let first = async {
            let _ = waiting.find(&wish, repository.changes(), environment).await;
            began.elapsed()
        };
        let second = async {
            let _ = waiting.find(&wish, repository.changes(), environment).await;
            began.elapsed()
        };
        let (first, second) = tokio::join!(first, second);

        assert!(first >= Duration::from_secs(10) && second < Duration::from_secs(1), "{first:?} {second:?}");
    }
}
