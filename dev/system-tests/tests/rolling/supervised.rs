//! A part that ends by itself is started again, for as long as it takes.

use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use stack::{Incident, Stack};
use testkit::until;

use crate::world::World;

/// A service that starts without its database gives up after half a minute.
const PATIENCE: Duration = Duration::from_secs(50);

/// What the supervisor has told, as text.
type Told = Arc<Mutex<Vec<String>>>;

fn supervise(stack: Arc<Stack>) -> (Told, mpsc::Sender<()>, thread::JoinHandle<()>) {
    let told = Told::default();
    let (end, ending) = mpsc::channel::<()>();
    let supervisor = thread::spawn({
        let told = Arc::clone(&told);
        move || {
            let wait = |time| !matches!(ending.recv_timeout(time), Err(mpsc::RecvTimeoutError::Timeout));
            stack.supervise(wait, &|incident| {
                let text = match incident {
                    Incident::Ended { part, .. } => format!("{part} ended"),
                    Incident::NotStarted { part, .. } | Incident::NotReady { part, .. } => {
                        format!("{part} waits")
                    }
                    Incident::Back { part } => format!("{part} back"),
                };
                told.lock().unwrap().push(text);
            });
        }
    });
    (told, end, supervisor)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_can_t_start_is_tried_again_until_it_can_and_the_others_stay_up() {
    let world = World::new().await;
    let (told, end, supervisor) = supervise(Arc::clone(&world.stack));
    let has_been_told = async |text: &str| {
        let is_told = async || told.lock().unwrap().iter().any(|line| line == text);
        until(text, PATIENCE, is_told).await;
    };

    // Both end, and the one needs the other.
    world.stack.crash("member-api").unwrap();
    world.stack.crash("mariadb").unwrap();
    has_been_told("mariadb back").await;
    has_been_told("member-api back").await;
    told.lock().unwrap().clear();

    // The database is away for longer than a service waits for it.
    let gateway = world.pid("gateway");
    world.do_blocking(|stack| stack.kill("mariadb")).await.unwrap();
    world.stack.crash("member-api").unwrap();
    has_been_told("member-api ended").await;
    has_been_told("member-api waits").await;
    assert_eq!(world.pid("gateway"), gateway);
    assert!(world.stack.part("order-api").unwrap().pid.is_some());
    world.do_blocking(|stack| stack.start_again("mariadb")).await.unwrap();
    has_been_told("member-api back").await;

    drop(end);
    tokio::task::spawn_blocking(|| supervisor.join().unwrap()).await.unwrap();
}
