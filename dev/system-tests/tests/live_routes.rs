//! The routes of two running gateways change through a real config-server, under load, and no request notices it.

#![expect(clippy::unwrap_used, reason = "what a test can't go on without fails it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use stack::{Override, Stack};
use system_tests::Client;
use system_tests::test_stack::{gateway, start_many};
use testkit::{Answer, eventually, until};
use tokio::task::JoinSet;

/// How long it may take until a change is known everywhere.
const PATIENCE: Duration = Duration::from_secs(30);
const GATEWAYS: [&str; 2] = ["gateway", "gateway-2"];
const CLIENTS: usize = 6;
/// Between two requests of a client, so that the load leaves the machine to others.
const PAUSE: Duration = Duration::from_millis(5);
const NEW: &str = "/live/items";

struct World {
    stack: Arc<Stack>,
    client: Client,
    /// The routes of `config/gateway.yml`.
    routes: Vec<Value>,
}

impl World {
    async fn new() -> Self {
        let start = || Arc::new(start_many(&[("gateway", 2)], Vec::new()));
        let stack = tokio::task::spawn_blocking(start).await.unwrap();
        let text = std::fs::read_to_string(stack::checkout().join("config/gateway.yml")).unwrap();
        let settings: Value = serde_saphyr::from_str(&text).unwrap();
        let client = gateway(&stack);
        Self { client, stack, routes: settings["routes"].as_array().unwrap().clone() }
    }

    fn change(&self, key: &str, value: Value) {
        self.stack.change_setting(&Override::new("gateway", key, value)).unwrap();
    }

    /// The routes of the repository, and these.
    fn change_routes(&self, more: &[Value]) {
        self.change("routes", [&self.routes, more].concat().into());
    }

    /// What an instance says of its settings.
    async fn settings_of(&self, instance: &str) -> Value {
        let management = Client::at(&self.stack.management_url(instance).unwrap());
        management.get("/readyz").send().await.body["settings"].clone()
    }

    /// Waits until all gateways have refused a version because of this key.
    async fn wait_until_refused(&self, key: &str, problem: &str) {
        for instance in GATEWAYS {
            let refused = async || {
                let settings = self.settings_of(instance).await;
                let fault = &settings["refused"]["faults"][0];
                let is_it =
                    fault["key"] == key && fault["problem"].as_str().unwrap_or_default().contains(problem);
                if is_it { Ok(()) } else { Err(format!("{instance}: {settings}")) }
            };
            eventually(PATIENCE, refused).await;
        }
    }

    /// Waits until all gateways answer like this. Each answers some of the connections.
    async fn wait_until(&self, what: &str, is_so: impl Fn(&Answer) -> bool) {
        for instance in GATEWAYS {
            let management = Client::at(&self.stack.management_url(instance).unwrap());
            let settled =
                async || management.get("/readyz").send().await.body["settings"]["refused"].is_null();
            until("nothing is refused", PATIENCE, settled).await;
        }
        let mut in_a_row = 0;
        let answered = async || {
            let client = gateway(&self.stack);
            let answer = client.get(NEW).header("origin", "https://shop.example").send().await;
            in_a_row = if is_so(&answer) { in_a_row + 1 } else { 0 };
            // The kernel gives a connection to one of the two by chance.
            if in_a_row >= 20 { Ok(()) } else { Err(format!("{what}: {answer:?}")) }
        };
        eventually(PATIENCE, answered).await;
    }
}

/// Clients that send requests all the time.
struct Load {
    over: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    clients: JoinSet<Vec<String>>,
}

impl Load {
    fn start(stack: &Stack) -> Self {
        let mut load = Self { over: Arc::default(), done: Arc::default(), clients: JoinSet::new() };
        for number in 0..CLIENTS {
            let (over, done) = (Arc::clone(&load.over), Arc::clone(&load.done));
            let (kept, url) = (gateway(stack), stack.gateway_url());
            load.clients.spawn(async move {
                let mut failures = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    // Every other client has a new connection for each request.
                    let client = if number % 2 == 0 { kept.clone() } else { Client::at(&url) };
                    let path = ["/api/store/items?limit=1", "/.well-known/jwks.json"][number % 2];
                    match client.get(path).try_send().await {
                        Ok(answer) if answer.status == 200 => {}
                        Ok(answer) => failures.push(format!("{}: {}", answer.status, answer.text())),
                        Err(error) => failures.push(format!("{error:?}")),
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
                failures
            });
        }
        load
    }

    async fn more(&self) {
        let wanted = self.done.load(Ordering::Relaxed) + 200;
        until("requests are sent", PATIENCE, async || self.done.load(Ordering::Relaxed) >= wanted).await;
    }

    async fn end(self) {
        self.more().await;
        self.over.store(true, Ordering::Relaxed);
        let failures: Vec<String> = self.clients.join_all().await.into_iter().flatten().collect();
        println!("{} requests", self.done.load(Ordering::Relaxed));
        assert_eq!(failures, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_are_added_changed_and_removed_without_a_failed_request_and_wrong_ones_are_refused() {
    let world = World::new().await;
    let load = Load::start(&world.stack);
    let route = |access: &str, service: &str| {
        json!({
            "path": NEW, "methods": ["GET"], "service": service, "access": access,
            "rewrite": "/api/store/items",
        })
    };
    let none = gateway(&world.stack).get(NEW).send().await;
    assert_eq!(none.status, 404);

    world.change_routes(&[route("public", "store-api")]);
    world.wait_until("it is added", |answer| answer.status == 200).await;
    load.more().await;

    world.change_routes(&[route("any", "store-api")]);
    world.wait_until("it is changed", |answer| answer.status == 401).await;
    world.change("cors.allowed-origins", json!(["https://shop.example"]));
    let is_allowed = |answer: &Answer| answer.headers.contains_key("access-control-allow-origin");
    world.wait_until("another origin may call", is_allowed).await;
    load.more().await;

    let last = format!("routes[{}]", world.routes.len());
    for (wrong, key, problem) in [
        (route("public", "nobody"), "service", "is not one of `services`"),
        (
            json!({"path": "/internal/x", "methods": ["GET"], "service": "store-api", "access": "public"}),
            "path",
            "never passed on",
        ),
        (route("nobody", "store-api"), "access", ""),
    ] {
        world.change_routes(&[wrong]);
        world.wait_until_refused(&format!("{last}.{key}"), problem).await;
        for _ in 0..20 {
            let old = gateway(&world.stack).get(NEW).send().await;
            assert_eq!(old.status, 401, "the old table serves on");
        }
        load.more().await;
    }

    world.change_routes(&[]);
    world.wait_until("it is removed", |answer| answer.status == 404).await;

    world.change("server.request-timeout-ms", json!(29_000));
    for instance in GATEWAYS {
        let is_pending = async || {
            world.settings_of(instance).await["restart-pending"] == json!(["server.request-timeout-ms"])
        };
        until("what needs a restart is pending", PATIENCE, is_pending).await;
    }
    load.end().await;
    assert_eq!(world.client.get("/api/store/items?limit=1").send().await.status, 200);
}
