//! A table that takes the place of another one brings its own policies. What was counted stays.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Uri};
use discovery::Discovery;
use gateway::Routing;
use gateway::revocations::Revocations;
use gateway::settings::{Settings, TableSettings};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use settings::live::{self, LiveCells};
use settings::{Fault, SettingsError, Values};

use crate::harness::{
    MEMBER, STORE, Service, closed_address, fixed, managed, no_verifier, read_settings, redis_url,
    serve_hosted, tree, with_timeout,
};

/// A gateway whose table can be replaced.
struct Replaceable {
    routing: Routing,
    address: SocketAddr,
    client: Client<HttpConnector, Body>,
}

impl Replaceable {
    async fn start(settings: &TableSettings, instances: &Discovery) -> Self {
        let routing = Routing::new(settings, instances, &Revocations::new(clock::Clock::system())).unwrap();
        let (address, _) = serve_hosted(routing.app(), no_verifier(), json!({})).await;
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { routing, address, client }
    }

    async fn status(&self, path: &str) -> u16 {
        let request = Request::get(format!("http://{}{path}", self.address)).body(Body::empty()).unwrap();
        with_timeout(self.client.request(request)).await.unwrap().status().as_u16()
    }

    async fn statuses<const N: usize>(&self, path: &str) -> [u16; N] {
        let mut statuses = [0; N];
        for status in &mut statuses {
            *status = self.status(path).await;
        }
        statuses
    }

    async fn replace(&self, settings: &TableSettings) {
        self.routing.prepare(settings).await.unwrap()();
    }

    /// What a request meets now.
    async fn protection(&self, path: &str) -> Value {
        let (_, explanation) = managed(&self.routing, &format!("/explain?method=GET&path={path}")).await;
        explanation["route"]["protection"].clone()
    }
}

/// Routes with their limits, and other sections.
fn table(routes: &[(&str, &str)], more: &str) -> TableSettings {
    let route = |(path, limits): &(&str, &str)| {
        let service = format!("methods: [GET], service: {STORE}, access: public");
        format!("  - {{ path: \"{path}\", {service}, limits: [{limits}] }}\n")
    };
    let routes: String = routes.iter().map(route).collect();
    read_settings(&format!("services: [{STORE}]\nroutes:\n{routes}{more}")).unwrap()
}

fn policies(policies: &[(&str, u32, u32)], redis: Option<&str>) -> String {
    let policy = |(name, requests, window_s): &(&str, u32, u32)| {
        format!("    {name}: {{ by: address, requests: {requests}, window-s: {window_s} }}\n")
    };
    let policies: String = policies.iter().map(policy).collect();
    let redis = redis.map(|url| format!("redis: {{ url: \"{url}\" }}\n")).unwrap_or_default();
    // Longer than any delay of a busy machine.
    format!("limits:\n  redis-timeout-ms: 300\n  policies:\n{policies}{redis}")
}

/// A name that no other test has counted under.
fn new_name() -> String {
    format!("p{}", uuid::Uuid::new_v4().simple())
}

#[tokio::test]
async fn a_policy_that_keeps_its_name_goes_on_counting_and_a_new_one_begins() {
    let (service, name) = (Service::start().await, new_name());
    for redis in [None, Some(redis_url())] {
        let redis = redis.as_deref();
        let old = table(&[("/a", &name), ("/b", "")], &policies(&[(&name, 3, 3_600)], redis));
        let gateway = Replaceable::start(&old, &fixed(&[(STORE, service.address)])).await;
        assert_eq!((gateway.statuses("/a").await, gateway.statuses("/b").await), ([200; 2], [200; 3]));

        let first = format!("a{name}");
        let both = policies(&[(&first, 1, 3_600), (&name, 3, 3_600)], redis);
        gateway.replace(&table(&[("/a", &name), ("/b", &first)], &both)).await;
        assert_eq!((gateway.statuses("/a").await, gateway.statuses("/b").await), ([200, 429], [200, 429]));

        gateway.replace(&table(&[("/a", ""), ("/b", "")], "")).await;
        assert_eq!((gateway.statuses("/a").await, gateway.statuses("/b").await), ([200; 3], [200; 3]));
    }
}

#[tokio::test]
async fn who_has_used_up_a_quota_soon_has_a_part_of_a_larger_one() {
    let (service, name) = (Service::start().await, new_name());
    for redis in [None, Some(redis_url())] {
        let limited = |requests, window| policies(&[(&name, requests, window)], redis.as_deref());
        let old = table(&[("/a", &name)], &limited(1, 86_400));
        let gateway = Replaceable::start(&old, &fixed(&[(STORE, service.address)])).await;
        assert_eq!(gateway.statuses("/a").await, [200, 429, 429]);
        gateway.replace(&table(&[("/a", &name)], &limited(10, 1))).await;
        let allowed = async { while gateway.status("/a").await != 200 {} };
        with_timeout(allowed).await;
    }
}

#[tokio::test]
async fn a_table_whose_limits_have_a_fault_is_refused_as_a_whole() {
    let service = Service::start().await;
    let old = table(&[("/a", "p")], &policies(&[("p", 2, 3_600)], None));
    let gateway = Replaceable::start(&old, &fixed(&[(STORE, service.address)])).await;
    let malformed = policies(&[("p", 100, 3_600)], Some("redis://:not a port"));
    let malformed = table(&[("/a", "p"), ("/b", "")], &malformed);
    let refused = gateway.routing.prepare(&malformed).await.err().unwrap();
    assert!(refused.to_string().starts_with("redis.url"), "{refused}");
    assert_eq!((gateway.statuses("/a").await, gateway.status("/b").await), ([200, 200, 429], 404));
}

#[tokio::test]
async fn it_brings_its_own_times_and_its_own_breaker_and_limit_of_requests_at_once() {
    let hanging = Router::new().fallback(async |uri: Uri| {
        if uri.query() == Some("hang") {
            std::future::pending::<()>().await;
        }
    });
    let service = Service::answering(hanging).await;
    let upstream = |more: &str| table(&[("/a", "")], &format!("upstream:\n{more}"));
    let old = upstream("  concurrency: { max-limit: 300 }\n");
    let gateway = Replaceable::start(&old, &fixed(&[(STORE, service.address)])).await;
    let closed = |limit| json!({"breaker": "closed", "concurrencyLimit": limit, "inFlight": 0});
    assert_eq!(gateway.protection("/a").await, closed(300));

    let impatient = |more: &str| {
        upstream(&format!(
            "  first-byte-timeout-ms: 50\n  breaker: {{ minimum-number-of-calls: 2, wait-duration-in-open-state-ms: 60000 }}\n{more}"
        ))
    };
    gateway.replace(&impatient("  concurrency: { max-limit: 200 }\n")).await;
    assert_eq!(gateway.protection("/a").await, closed(200));
    assert_eq!(gateway.statuses("/a?hang").await, [504, 504, 503]);
    let opened = gateway.protection("/a").await;
    assert_eq!(opened["breaker"], "open");
    assert!((1..=60_000).contains(&opened["refusesForMs"].as_u64().unwrap()), "{opened}");

    gateway.replace(&impatient("  concurrency: { max-limit: 100 }\n")).await;
    assert_eq!(gateway.protection("/a").await["breaker"], "open", "its settings are the same");
    assert_eq!(gateway.status("/a").await, 503);

    gateway.replace(&old).await;
    assert_eq!(gateway.protection("/a").await, closed(100));
    assert_eq!(gateway.status("/a").await, 200);
}

#[tokio::test]
async fn it_brings_its_own_tries() {
    let service = Service::start().await;
    let closed = closed_address();
    let instances = fixed(&[(STORE, closed), (STORE, service.address)]);
    let tries = |tries: u32| table(&[("/a", "")], &format!("upstream:\n  connect-tries: {tries}\n"));
    let gateway = Replaceable::start(&tries(1), &instances).await;
    let is_refused = async { while gateway.status("/a").await != 503 {} };
    with_timeout(is_refused).await;
    gateway.replace(&tries(2)).await;
    assert_eq!(gateway.statuses("/a").await, [200; 20]);
}

#[tokio::test]
async fn requests_that_run_go_on_as_they_have_begun() {
    let slow = Router::new().fallback(async || tokio::time::sleep(Duration::from_millis(300)).await);
    let service = Service::answering(slow).await;
    let instances = fixed(&[(STORE, service.address)]);
    let gateway = Replaceable::start(&table(&[("/a", "")], ""), &instances).await;
    let replacing = async {
        while service.received().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(gateway.protection("/a").await["inFlight"], 1);
        gateway
            .replace(&table(&[("/b", "")], "upstream: { first-byte-timeout-ms: 1, idle-connections: 1 }\n"))
            .await;
        assert_eq!(gateway.protection("/b").await["inFlight"], 1);
    };
    let (status, ()) = tokio::join!(gateway.status("/a"), with_timeout(replacing));
    assert_eq!((status, gateway.status("/a").await), (200, 404));
}

/// Settings that a process runs with.
struct Running {
    settings: Settings,
    cells: LiveCells,
    values: Mutex<Values>,
}

impl Running {
    fn read(yaml: &str) -> Self {
        let tree = tree(yaml).unwrap();
        let values = tree.values();
        let (settings, cells) = live::collect(|| tree.finish());
        Self { settings: settings.unwrap(), cells, values: Mutex::new(values) }
    }

    /// Takes other settings as `service-host` does.
    async fn take(&self, yaml: &str) -> Result<(), SettingsError> {
        let new = Self::read(yaml);
        let values = new.values.into_inner().unwrap();
        let changed = self.values.lock().unwrap().changed_keys(&values);
        assert!(changed.iter().all(|key| self.cells.takes(&new.cells, key)), "{changed:?}");
        self.cells.prepare(&new.cells, &changed).await?.commit();
        *self.values.lock().unwrap() = values;
        Ok(())
    }
}

#[tokio::test]
async fn a_gateway_that_runs_takes_every_section_that_changes_or_none_of_them() {
    let (store, member) = (Service::start().await, Service::start().await);
    let instances = fixed(&[(STORE, store.address), (MEMBER, member.address)]);
    let route = |path: &str, service: &str, limit: &str| {
        format!(
            "  - {{ path: \"{path}\", methods: [GET], service: {service}, access: public, limits: [{limit}] }}\n"
        )
    };
    let a = route("/a", STORE, "");
    let old = Running::read(&format!("services: [{STORE}]\nroutes:\n{a}"));
    let gateway = Replaceable::start(&old.settings.of_table(), &instances).await;
    gateway.routing.follow(&old.settings);
    assert_eq!((gateway.status("/a").await, gateway.status("/b").await), (200, 404));

    let both = format!("services: [{STORE}, {MEMBER}]\nroutes:\n{a}{}", route("/b", MEMBER, "p"));
    let more = policies(&[("p", 2, 3_600)], None);
    let sections = "upstream: { connect-tries: 2 }\ncors: { allowed-origins: [\"https://a.example\"] }\n\
                    public: { trusted-proxies: [\"10.0.0.0/8\"] }\ncompression: { min-bytes: 200 }\n\
                    revocations: { interval-ms: 100 }\n";
    old.take(&format!("{both}{more}{sections}")).await.unwrap();
    assert_eq!(gateway.statuses("/b").await, [200, 200, 429]);
    assert_eq!((gateway.status("/a").await, member.received().len()), (200, 2));

    for (wrong, key, problem) in [
        (both.clone(), "routes[1].limits", "`p` is not one of `limits.policies`"),
        (both.replace(&format!(", {MEMBER}"), "") + &more, "routes[1].service", "is not one of `services`"),
    ] {
        let error = old.take(&wrong).await.unwrap_err();
        let [Fault { key: found, problem: told, .. }] = error.faults() else { panic!("{error}") };
        assert!(found == key && told.contains(problem), "{error}");
        assert_eq!((gateway.status("/a").await, gateway.status("/b").await), (200, 429));
    }

    old.take(&format!("services: [{STORE}]\nroutes:\n{a}")).await.unwrap();
    assert_eq!((gateway.status("/a").await, gateway.status("/b").await), (200, 404));
}
