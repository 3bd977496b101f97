//! Limits: how many requests an address or a member may send.
//!
//! A policy has a name, a quota and a window; a route names its policies. The algorithm is GCRA ([`gcra`]). Gateways count
//! together in Redis ([`shared`]), and take several requests at once from it ([`client`]). While Redis is away, each gateway counts
//! alone. What it remembers of clients is bounded ([`memory`]).
//!
//! A request that is refused is not counted. One that is allowed is counted, whatever its answer.

mod client;
mod gcra;
mod memory;
mod policy;
mod shared;

use std::net::IpAddr;
use std::sync::Arc;

use access::MemberId;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use problem::{Code, Problem};
use tokio::time::Instant;

use crate::settings::{LimitedBy, PolicySettings, Settings};
use client::{Decision, Question};
use memory::{Key, Memory};
use policy::Counted;
pub(crate) use policy::Policy;
use shared::Shared;

/// The address of Redis can't be used.
#[derive(Debug, thiserror::Error)]
#[error("redis.{0}")]
pub struct LimitsError(redis_connection::AddressError);

/// All policies, and what is counted. Cheap to clone; clones share it.
#[derive(Clone)]
pub(crate) struct Limits(Arc<Inner>);

struct Inner {
    policies: Vec<Arc<Policy>>,
    /// The number of the next new policy.
    next_number: usize,
    memory: Memory,
    /// `None` if each gateway counts alone.
    shared: Option<Arc<Shared>>,
    began: Instant,
}

/// What was counted of one request.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counted: Vec<Counted>,
    /// Until when it waits for Redis, under all policies together. The time begins with the first question.
    until: Option<Instant>,
}

/// The limits of one route.
#[derive(Clone)]
pub(crate) struct RouteLimits {
    limits: Limits,
    by_address: Vec<Arc<Policy>>,
    by_member: Vec<Arc<Policy>>,
}

/// A request that is not allowed.
#[derive(Debug)]
pub(crate) struct Limited {
    policy: Arc<Policy>,
    standing: gcra::Standing,
    wait: u64,
}

/// Ends a question also if the request is cancelled meanwhile.
struct Asking<'a> {
    memory: &'a Memory,
    key: Key,
    question: Question,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.memory.with(self.key, |client| client.has_asked(self.question));
    }
}

impl Limits {
    /// Makes the policies of the settings. Nothing is limited if they say so.
    pub(crate) fn new(settings: &Settings) -> Result<Self, LimitsError> {
        policy::describe();
        let nothing = Inner {
            policies: Vec::new(),
            next_number: 0,
            memory: Memory::new(settings.limits.remembered),
            shared: None,
            began: Instant::now(),
        };
        nothing.with(settings)
    }

    /// The policies of other settings. What was counted under a policy that keeps its name stays counted.
    pub(crate) fn with(&self, settings: &Settings) -> Result<Self, LimitsError> {
        self.0.with(settings)
    }

    /// The limits of a route that names these policies. `None` if there are none.
    pub(crate) fn of_route(&self, names: &[String]) -> Option<RouteLimits> {
        let by = |by: LimitedBy| {
            let named =
                self.0.policies.iter().filter(|policy| policy.by == by && names.contains(&policy.name));
            named.cloned().collect::<Vec<_>>()
        };
        let (by_address, by_member) = (by(LimitedBy::Address), by(LimitedBy::Member));
        let is_limited = !by_address.is_empty() || !by_member.is_empty();
        is_limited.then(|| RouteLimits { limits: self.clone(), by_address, by_member })
    }

    /// Counts a request, or refuses it.
    async fn count(
        &self,
        policy: &Arc<Policy>,
        who: u128,
        until: &mut Option<Instant>,
    ) -> Result<Counted, Limited> {
        let Inner { memory, shared, .. } = &*self.0;
        let (key, rate, now) = (Key { policy: policy.number, who }, policy.rate, self.now());
        let alone = || memory.with(key, |client| client.decide_alone(rate, now));
        let decision = match shared {
            Some(shared) => match memory.with(key, |client| client.decide(rate, now)) {
                Decision::Ask(question) => {
                    let asking = Asking { memory, key, question };
                    let taken = if shared.is_asked(now) {
                        shared.take(policy, who, question.wanted, now, until).await
                    } else {
                        None
                    };
                    let decision = match taken {
                        Some(taken) => {
                            let answered = self.now();
                            memory.with(key, |client| client.answered(rate, taken, now, answered))
                        }
                        None => alone(),
                    };
                    drop(asking);
                    decision
                }
                decided => decided,
            },
            None => alone(),
        };
        let policy = Arc::clone(policy);
        match decision {
            Decision::Allow(standing) => Ok(Counted { policy, standing }),
            Decision::Refuse(standing, wait) => {
                policy.refused.increment(1);
                Err(Limited { policy, standing, wait })
            }
            Decision::Ask(_) => unreachable!("a question has been answered"),
        }
    }

    /// Microseconds since the start.
    fn now(&self) -> u64 {
        u64::try_from(self.0.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Inner {
    fn with(&self, settings: &Settings) -> Result<Limits, LimitsError> {
        let limits = &settings.limits;
        let mut next_number = self.next_number;
        let mut policy = |(name, of): (&String, &PolicySettings)| {
            let is_same = |known: &&Arc<Policy>| known.name == *name && known.by == of.by;
            let number = self.policies.iter().find(is_same).map_or(next_number, |known| known.number);
            next_number = next_number.max(number + 1);
            Arc::new(Policy::new(number, name, of))
        };
        let policies: Vec<_> = limits.policies.iter().filter(|_| limits.enabled).map(&mut policy).collect();
        let redis = settings.redis.as_ref().filter(|_| !policies.is_empty());
        let shared = |redis| match &self.shared {
            Some(shared) if shared.is_of(redis, limits) => Ok(Arc::clone(shared)),
            Some(shared) => Shared::new(&shared.with_own_account(redis), limits).map(Arc::new),
            None => Shared::new(redis, limits).map(Arc::new),
        };
        let shared = redis.map(shared).transpose().map_err(LimitsError)?;
        let memory = self.memory.with_most(limits.remembered);
        Ok(Limits(Arc::new(Inner { policies, next_number, memory, shared, began: self.began })))
    }
}

impl RouteLimits {
    /// The policies.
    pub(crate) fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.by_address.iter().chain(&self.by_member).map(|policy| &**policy)
    }

    /// Counts a request from an address.
    pub(crate) async fn count_address(&self, address: IpAddr, tally: &mut Tally) -> Result<(), Limited> {
        self.count(&self.by_address, of_address(address), tally).await
    }

    /// Counts a request of a member.
    pub(crate) async fn count_member(&self, member: MemberId, tally: &mut Tally) -> Result<(), Limited> {
        self.count(&self.by_member, member.0.as_u128(), tally).await
    }

    async fn count(&self, policies: &[Arc<Policy>], who: u128, tally: &mut Tally) -> Result<(), Limited> {
        for policy in policies {
            tally.counted.push(self.limits.count(policy, who, &mut tally.until).await?);
        }
        Ok(())
    }
}

impl Tally {
    /// Tells the client what is left of its limits.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        tell(headers, &self.counted);
    }
}

/// An address as a number. Of an IPv6 address only the network counts: a client has as many addresses in it as it likes.
fn of_address(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits() & !u128::from(u64::MAX),
    }
}

fn tell(headers: &mut HeaderMap, counted: &[Counted]) {
    rate_limit::append(headers, counted.iter().map(Counted::told));
}

impl IntoResponse for Limited {
    fn into_response(self) -> Response {
        let Self { policy, standing, wait } = self;
        let problem = Problem::new(Code::RateLimited).retry_after(policy::time(wait));
        let mut response = problem.into_response();
        tell(response.headers_mut(), &[Counted { policy, standing }]);
        response
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use futures::future::join_all;

    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(300);

    /// A route with three policies, and a Redis for which the kernel accepts connections, as for a process that is stopped.
    fn silent_redis() -> (TcpListener, RouteLimits) {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let policy = serde_json::json!({"by": "address", "requests": 1, "window-s": 3_600});
        let settings = serde_json::json!({
            "services": [], "routes": [],
            "limits": {
                "redis-timeout-ms": TIMEOUT.as_millis(), "redis-pause-ms": 60_000,
                "policies": {"a": policy, "b": policy, "c": policy},
            },
            "redis": {"url": format!("redis://{}", silent.local_addr().unwrap())},
        });
        let limits = Limits::new(&serde_json::from_value(settings).unwrap()).unwrap();
        let limits = limits.of_route(&["a", "b", "c"].map(str::to_owned)).unwrap();
        (silent, limits)
    }

    /// Counts a request with the address of this number. Returns whether it was allowed, and how long that took.
    async fn count(limits: &RouteLimits, address: u32, tally: &mut Tally) -> (bool, Duration) {
        let began = Instant::now();
        let counted = limits.count_address(IpAddr::V4(address.into()), tally).await;
        (counted.is_ok(), began.elapsed())
    }

    // The clock stands still but for the times that are waited for.
    #[tokio::test(start_paused = true)]
    async fn no_request_waits_longer_for_a_redis_that_stands_still_and_all_are_counted() {
        let (_silent, limits) = silent_redis();
        let ask = async |address| count(&limits, address, &mut Tally::default()).await;
        let (allowed, waits): (Vec<_>, Vec<_>) = join_all((0..50).map(ask)).await.into_iter().unzip();
        assert_eq!(allowed, [true; 50]);
        assert!(waits.iter().max().unwrap() <= &TIMEOUT, "{waits:?}");
        for address in 0..100 {
            let (is_allowed, wait) = ask(address).await;
            assert_eq!((is_allowed, wait), (address >= 50, Duration::ZERO), "{address}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_questions_of_a_request_have_the_time_of_one() {
        let (_silent, limits) = silent_redis();
        let left = Duration::from_millis(50);
        let mut tally = Tally { until: Some(Instant::now() + left), ..Tally::default() };
        assert_eq!(count(&limits, 1, &mut tally).await, (true, left));
        let (_, wait) = count(&limits, 2, &mut Tally::default()).await;
        assert!(wait > left, "it was too short to say that Redis is away");
    }

    #[test]
    fn an_ipv6_network_of_64_bits_counts_as_one_client_and_a_mapped_address_as_ipv4() {
        let of = |address: &str| of_address(address.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_ne!(of("192.0.2.1"), of("::"));
    }
}
