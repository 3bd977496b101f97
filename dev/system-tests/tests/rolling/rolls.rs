//! Instances are replaced under load.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use stack::{Control, GatewayPeers, Interrupt, Roll, SERVICES, Silent, Stack, StackError};
use system_tests::Client;
use system_tests::test_stack::binaries;
use testkit::until;

use crate::load::Kinds;
use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(60);

fn roll_of(app: &str, program: PathBuf, patience: Duration) -> Roll {
    Roll { programs: BTreeMap::from([(app.to_owned(), program)]), patience }
}

fn roll(stack: &Stack, roll: &Roll) -> Result<(), StackError> {
    stack.roll(roll, &|text| println!("{text}"))
}

/// A program that is a script, in the folder of the stack.
fn script(stack: &Stack, name: &str, text: &str) -> PathBuf {
    let path = stack.servers().home().secrets().join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path
}

/// The program that a process runs.
fn program_of(pid: u32) -> PathBuf {
    fs::read_link(format!("/proc/{pid}/exe")).unwrap()
}

async fn requests_of(world: &World, gateway: &str) -> bool {
    let management = Client::at(&world.stack.management_url(gateway).unwrap());
    let metrics = management.get("/metrics").send().await.text();
    metrics.lines().any(|line| line.starts_with("http_requests_total") && line.contains(r#"status="200""#))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_every_instance_is_replaced() {
    let world = World::new().await;
    let before: Vec<(String, u32)> =
        world.all_instances().into_iter().map(|name| (name.clone(), world.pid(&name))).collect();
    let config_server = world.pid("config-server");
    let load = world.load(Kinds::All).await;

    let programs = SERVICES.iter().map(|kind| (kind.name.to_owned(), binaries().join(kind.name)));
    let all = Roll { programs: programs.collect(), patience: PATIENCE };
    world.do_blocking(move |stack| roll(stack, &all)).await.unwrap();

    load.end().await.expect_no_failure("replacing every instance");
    assert_eq!(before.len(), 8, "{before:?}");
    for (name, pid) in before {
        assert_ne!(world.pid(&name), pid, "{name} is a new process");
        assert!(
            world
                .stack
                .log_tail(&name)
                .lines
                .iter()
                .any(|line| line.contains("ready") || line.contains("status"))
        );
    }
    assert_ne!(world.pid("config-server"), config_server);
    for gateway in ["gateway", "gateway-2"] {
        assert!(requests_of(&world, gateway).await, "{gateway} has its share of the connections");
    }
    assert_eq!(world.stack.take_exited(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_program_that_does_not_become_healthy_is_removed_and_the_old_one_serves_on() {
    let world = World::new().await;
    let load = world.load(Kinds::All).await;
    let ends = script(&world.stack, "ends", "exit 1");
    let hangs = script(&world.stack, "hangs", "exec sleep 600");
    for app in ["member-api", "gateway", "config-server"] {
        for program in [&ends, &hangs] {
            let pid = world.pid(app);
            let rolled = roll_of(app, program.clone(), Duration::from_secs(1));
            let error = world.do_blocking(move |stack| roll(stack, &rolled)).await.unwrap_err();
            assert!(matches!(error, StackError::WentBack { .. }), "{error:?}");
            // config-server can't stand beside itself, so it was started again.
            assert!(app == "config-server" || world.pid(app) == pid);
            assert!(world.stack.parts().iter().all(|part| !part.name.contains(".next")));
        }
    }
    load.end().await.expect_no_failure("refusing new programs");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_second_instance_can_t_be_replaced_the_first_goes_back_to_its_old_program() {
    let world = World::new().await;
    let load = world.load(Kinds::All).await;
    let old = program_of(world.pid("store-api"));
    let real = binaries().join("store-api");
    let once = world.stack.servers().home().secrets().join("started-once");
    let text = format!("mkdir '{}' && exec '{}' \"$@\"; exit 1", once.display(), real.display());
    let second_fails = roll_of("store-api", script(&world.stack, "second-fails", &text), PATIENCE);

    let error = world.do_blocking(move |stack| roll(stack, &second_fails)).await.unwrap_err();

    assert!(matches!(error, StackError::WentBack { .. }), "{error:?}");
    assert!(once.exists(), "the first one was replaced");
    for instance in ["store-api", "store-api-2"] {
        assert_eq!(program_of(world.pid(instance)), old);
        assert!(Path::new(&old).exists());
    }
    load.end().await.expect_no_failure("going back");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_can_ask_for_a_roll_and_two_at_once_are_refused() {
    let world = World::new().await;
    let stack = Arc::clone(&world.stack);
    let over = Interrupt::default();
    let ending = over.clone();
    let control = Control::open(&stack).unwrap();
    let obeying = thread::spawn(move || control.obey(&stack, &ending));

    let home = world.stack.servers().home().clone();
    let hangs = script(&world.stack, "hangs-long", "exec sleep 600");
    let (began, beginning) = std::sync::mpsc::channel();
    let first = thread::spawn({
        let (home, hangs) = (home.clone(), hangs.clone());
        move || {
            let slow = roll_of("order-api", hangs, Duration::from_secs(3));
            stack::roll(&home, slow, &move |text| drop(began.send(text.to_owned())))
        }
    });
    tokio::task::spawn_blocking(move || beginning.recv()).await.unwrap().expect("the roll begins");
    let second = roll_of("member-api", hangs, Duration::from_secs(3));
    let refused = tokio::task::spawn_blocking({
        let home = home.clone();
        move || stack::roll(&home, second, &|_| {})
    });
    let refused = refused.await.unwrap().unwrap_err();
    assert!(refused.to_string().contains("a roll is under way"), "{refused}");

    let first = tokio::task::spawn_blocking(|| first.join().unwrap()).await.unwrap().unwrap_err();
    assert!(matches!(first, StackError::Refused { went_back: true, .. }), "{first:?}");

    let (pid, good) = (world.pid("order-api-2"), binaries().join("order-api"));
    let good = roll_of("order-api", good, PATIENCE);
    tokio::task::spawn_blocking({
        let home = home.clone();
        move || stack::roll(&home, good, &|_| {})
    })
    .await
    .unwrap()
    .unwrap();
    assert_ne!(world.pid("order-api-2"), pid);

    over.raise();
    until("the socket is closed", PATIENCE, async || obeying.is_finished()).await;
    let nobody = stack::roll(&home, roll_of("order-api", binaries().join("order-api"), PATIENCE), &|_| {});
    assert!(nobody.is_err());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "fetches wrk: .ci/full runs it"]
async fn wrk_counts_no_error_while_every_instance_is_replaced() {
    let world = World::new().await;
    let peers = world
        .do_blocking(|stack| GatewayPeers::find_or_fetch(stack.servers().home(), &Silent))
        .await
        .unwrap();
    let url = format!("{}/api/member/me/wallet", world.stack.gateway_url());
    let mut wrk = peers.wrk.command();
    wrk.args(["--threads", "1", "--connections", "32", "--latency", "--timeout", "10", "--duration", "30s"]);
    wrk.arg("--header").arg(format!("Authorization: Bearer {}", world.member.token)).arg(url);
    let running = tokio::task::spawn_blocking(move || wrk.output().unwrap());

    let programs = SERVICES.iter().map(|kind| (kind.name.to_owned(), binaries().join(kind.name)));
    let all = Roll { programs: programs.collect(), patience: PATIENCE };
    world.do_blocking(move |stack| roll(stack, &all)).await.unwrap();
    assert!(!running.is_finished(), "the load was there all the time");

    let output = running.await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    assert!(output.status.success() && text.contains("Requests/sec"), "{text}");
    for error in ["Non-2xx", "Socket errors"] {
        assert!(!text.contains(error), "{text}");
    }
}
