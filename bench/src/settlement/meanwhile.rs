//! Checkouts through the gateway while the job runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use http::Method;
use serde_json::json;
use stack::Stack;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::job::{self, Administrator};
use super::{Arguments, lines, verdict, with_stack};
use crate::client::Connection;
use crate::figures::{Figures, Of};
use crate::people::{Person, text};
use crate::process::Process;

const CUSTOMERS: usize = 4;
/// Between two purchases of one customer.
const PAUSE: Duration = Duration::from_millis(40);
/// How long the shop is watched without the job, before each run of it.
const QUIET: Duration = Duration::from_secs(2);
/// What a change of scene leaves behind does not count.
const SETTLING: Duration = Duration::from_millis(300);
const RUNS: u32 = 12;
const QUICK_RUNS: u32 = 2;
const AIM: f64 = 1.5;

/// What goes on just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scene {
    /// Nothing that counts.
    Between = 0,
    /// The shop alone.
    Shop = 1,
    /// The shop, and the job.
    Job = 2,
}

/// How long each checkout took, and in which scene it began and ended.
type Seen = Vec<(Scene, Duration)>;

/// Measures, prints, and tells whether the aim is met.
pub(super) async fn measure(
    stack: &Arc<Stack>,
    arguments: &Arguments,
    figures: &mut Figures,
) -> anyhow::Result<bool> {
    let runs = if arguments.quick { QUICK_RUNS } else { RUNS };
    let rows = lines::rows(stack).await?;
    let day = lines::yesterday(&rows).await?;
    let count = arguments.lines.first().copied().unwrap_or_default();
    with_stack(stack, |stack| stack.stop("order-api")).await?;
    job::reset(&rows).await?;
    lines::make(&rows, &day, count, arguments.sellers).await?;
    with_stack(stack, |stack| stack.start_again("order-api")).await?;
    job::read_ahead(&rows, &day).await?;

    let scene = Arc::new(AtomicU8::new(Scene::Between as u8));
    let closing_time = Arc::new(AtomicBool::new(false));
    let option = open_shop(stack).await?;
    let mut shoppers: JoinSet<anyhow::Result<Seen>> = JoinSet::new();
    for _ in 0..CUSTOMERS {
        let shopper = Shopper::new(stack, &option).await?;
        shoppers.spawn(shopper.shop(Arc::clone(&scene), Arc::clone(&closing_time)));
    }
    let database = Process::of(stack, "mariadb")?;
    let mut administrator = Administrator::new(stack).await?;
    for _ in 0..runs {
        job::reset(&rows).await?;
        tokio::time::sleep(SETTLING).await;
        scene.store(Scene::Shop as u8, Ordering::Relaxed);
        tokio::time::sleep(QUIET).await;
        scene.store(Scene::Job as u8, Ordering::Relaxed);
        job::settle(&rows, database, &mut administrator, &day).await?;
        scene.store(Scene::Between as u8, Ordering::Relaxed);
    }
    closing_time.store(true, Ordering::Relaxed);
    let mut seen = Vec::new();
    while let Some(of_one) = shoppers.join_next().await {
        seen.extend(of_one??);
    }
    Ok(print(&seen, count, figures))
}

/// Lists an item of which there is enough; gives its option.
async fn open_shop(stack: &Stack) -> anyhow::Result<String> {
    let mut gateway = Connection::open(&stack.gateway_url()).await?;
    let seller = Person::sign_up(&mut gateway, "sellers").await?;
    let token = Some(seller.token.as_str());
    let store = json!({ "name": format!("공방 {}", Uuid::new_v4()), "description": "작은 공방입니다." });
    let store =
        gateway.send(Method::POST, "/api/store/stores", token, &[], Some(&store)).await?.expect(201)?;
    let path = format!("/api/store/stores/{}/items", text(&store, "id")?);
    let options = json!([{ "name": "1호", "price": 1_000, "quantity": 1_000_000 }]);
    let item = json!({
        "name": "딸기 생크림 케이크", "description": "논산 설향 딸기", "category": "CAKE", "options": options,
    });
    let item = gateway.send(Method::POST, &path, token, &[], Some(&item)).await?.expect(201)?;
    Ok(text(&item["options"][0], "id")?.to_owned())
}

/// A customer with enough money.
struct Shopper {
    gateway: Connection,
    token: String,
    option: String,
}

impl Shopper {
    async fn new(stack: &Stack, option: &str) -> anyhow::Result<Self> {
        let mut gateway = Connection::open(&stack.gateway_url()).await?;
        let customer = Person::sign_up(&mut gateway, "customers").await?;
        let key = Uuid::new_v4().to_string();
        let headers = [("idempotency-key", key.as_str())];
        let body = json!({ "amount": 10_000_000 });
        let path = "/api/member/me/wallet/charges";
        gateway.send(Method::POST, path, Some(&customer.token), &headers, Some(&body)).await?.expect(201)?;
        Ok(Self { gateway, token: customer.token, option: option.to_owned() })
    }

    async fn shop(mut self, scene: Arc<AtomicU8>, closing_time: Arc<AtomicBool>) -> anyhow::Result<Seen> {
        let mut seen = Vec::new();
        while !closing_time.load(Ordering::Relaxed) {
            let cart = format!("/api/order/cart/lines/{}", self.option);
            let one = json!({ "quantity": 1 });
            self.send(Method::PUT, &cart, &one, 200).await?;
            let before = scene.load(Ordering::Relaxed);
            let began = Instant::now();
            self.send(Method::POST, "/api/order/orders", &json!({}), 201).await?;
            let took = began.elapsed();
            let after = scene.load(Ordering::Relaxed);
            for one in [Scene::Shop, Scene::Job] {
                if before == one as u8 && after == before {
                    seen.push((one, took));
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(seen)
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: &serde_json::Value,
        status: u16,
    ) -> anyhow::Result<()> {
        let key = Uuid::new_v4().to_string();
        let headers = [("idempotency-key", key.as_str())];
        let answer = self.gateway.send(method, path, Some(&self.token), &headers, Some(body)).await?;
        answer.expect(status).context("a shopper").map(drop)
    }
}

fn print(seen: &Seen, count: u64, figures: &mut Figures) -> bool {
    let times = |scene: Scene| {
        let mut times: Vec<Duration> =
            seen.iter().filter(|(in_scene, _)| *in_scene == scene).map(|(_, took)| *took).collect();
        times.sort_unstable();
        times
    };
    println!(
        "Checkouts of one line through the gateway, {CUSTOMERS} customers who pause {} ms each",
        PAUSE.as_millis()
    );
    println!("    {:44} {:>9} {:>10} {:>10}", "", "checkouts", "p50", "p99");
    let mut p99 = [f64::NAN; 2];
    let scenes =
        [(Scene::Shop, "alone".to_owned()), (Scene::Job, format!("while a day of {count} lines is settled"))];
    for ((scene, name), p99) in scenes.into_iter().zip(&mut p99) {
        let times = times(scene);
        let at = |percent: usize| {
            let time = times.get(times.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default();
            time.as_secs_f64() * 1_000.0
        };
        *p99 = at(99);
        for percent in [50, 99] {
            figures.cost(Of::Dalkom, &format!("checkouts {name}, p{percent}"), "ms", at(percent));
        }
        println!("    {name:44} {:>9} {:>7.1} ms {:>7.1} ms", times.len(), at(50), at(99));
    }
    let ratio = p99[1] / p99[0];
    let met = ratio <= AIM;
    println!("\n  {:58} {ratio:>8.2}   aim ≤ {AIM:<8} {}\n", "p99 while it runs / p99 alone", verdict(met));
    met
}
