//! Twice as many requests as a service can answer: how many of them are answered, and how soon the others are refused.
//!
//! The service works on some requests at once, and lets the others wait. First, closed loops find out what it can answer through the
//! gateway. Then twice as many requests come, whether earlier ones have been answered or not.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::limited;
use super::proxies::Proxy;
use crate::aim::verdict;
use crate::client::Connection;
use crate::figures::{Figures, Of};
use crate::load::{Span, Work, drive};

/// A path of the limited service.
const PATH: &str = "/api/order/cart";

/// More than it works on at once.
const LOOPS: usize = 2 * limited::AT_ONCE;
/// Before the limits have adapted, nothing is counted.
const WARM_UP: Duration = Duration::from_secs(3);
/// Requests come in groups, because a timer has no shorter interval that it keeps.
const TICK: Duration = Duration::from_millis(5);
/// What has to be answered of what can be.
const AIM: f64 = 0.8;

/// One of the closed loops.
struct Loop {
    connection: Connection,
    token: Arc<str>,
}

impl Work for Loop {
    async fn once(&mut self) -> anyhow::Result<()> {
        let answer = self.connection.get(PATH, Some(&self.token)).await?;
        anyhow::ensure!(answer.status == 200, "it was answered {}", answer.status);
        Ok(())
    }
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Answered,
    /// 503 with `Retry-After`.
    Refused,
    Otherwise,
}

/// The connections that wait for a request.
#[derive(Clone, Default)]
struct Pool(Arc<Mutex<Vec<Connection>>>);

impl Pool {
    async fn send(&self, url: &str, token: &str) -> anyhow::Result<Outcome> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match kept {
            Some(connection) => connection,
            None => Connection::open(url).await?,
        };
        let answer = connection.get(PATH, Some(token)).await?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(match answer.status.as_u16() {
            200 => Outcome::Answered,
            503 if answer.headers.contains_key("retry-after") => Outcome::Refused,
            _ => Outcome::Otherwise,
        })
    }
}

/// Measures and prints.
pub(super) async fn measure(
    proxy: &Proxy,
    token: &str,
    time: Duration,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let token: Arc<str> = token.into();
    let mut loops = Vec::new();
    for _ in 0..LOOPS {
        let connection = Connection::open(&proxy.url()).await?;
        loops.push(Loop { connection, token: Arc::clone(&token) });
    }
    let capacity = drive(loops, Span { warm_up: WARM_UP, measured: time }).await?.per_second;

    let offered = 2.0 * capacity;
    let outcomes = flood(&proxy.url(), &token, offered, time).await;
    let of = |wanted: Outcome| {
        let of_this = outcomes.iter().filter(|(outcome, _)| *outcome == wanted);
        let mut times: Vec<Duration> = of_this.map(|(_, took)| *took).collect();
        times.sort_unstable();
        let p99 = times.get(times.len().saturating_sub(1) * 99 / 100).copied().unwrap_or_default();
        let count = f64::from(u32::try_from(times.len()).unwrap_or(u32::MAX));
        (count / time.as_secs_f64(), p99)
    };
    let (answered, refused, other) = (of(Outcome::Answered), of(Outcome::Refused), of(Outcome::Otherwise));
    let share = answered.0 / capacity;
    println!(
        "\nTwice what a service can answer ({capacity:.0}/s; {offered:.0}/s come):\n  \
         answered {:.0}/s, {share:.2} of what it can, p99 {:.0} ms; aim {AIM}: {}\n  \
         refused  {:.0}/s with Retry-After, p99 {:.1} ms\n  other    {:.0}/s",
        answered.0,
        answered.1.as_secs_f64() * 1e3,
        verdict(share >= AIM && other.0 == 0.0),
        refused.0,
        refused.1.as_secs_f64() * 1e3,
        other.0,
    );
    figures.rate(Of::Dalkom, "answered of twice the capacity", answered.0);
    figures.time(Of::Dalkom, "refused of twice the capacity, p99", refused.1);
    Ok(())
}

/// Sends so many requests a second. Gives what came of those after the warm-up.
async fn flood(url: &str, token: &Arc<str>, per_second: f64, time: Duration) -> Vec<(Outcome, Duration)> {
    let (pool, url): (Pool, Arc<str>) = (Pool::default(), url.into());
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let begin = Instant::now();
    let mut sent = 0.0;
    let mut requests: JoinSet<Option<(Outcome, Duration)>> = JoinSet::new();
    while begin.elapsed() < WARM_UP + time {
        ticks.tick().await;
        let due = begin.elapsed().as_secs_f64() * per_second;
        while sent < due {
            sent += 1.0;
            let (pool, url, token) = (pool.clone(), Arc::clone(&url), Arc::clone(token));
            requests.spawn(async move {
                let began = Instant::now();
                let outcome = pool.send(&url, &token).await.unwrap_or(Outcome::Otherwise);
                (began >= begin + WARM_UP).then(|| (outcome, began.elapsed()))
            });
        }
    }
    requests.join_all().await.into_iter().flatten().collect()
}
