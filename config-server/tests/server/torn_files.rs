//! A writer that changes two files again and again, by rename and in place, under the requests of many readers.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use config_server::ConfigServer;
use config_server::access::Credentials;
use config_server::environment::Environments;
use config_server::repository::{Repository, watch};
use config_server::sealing::Keyring;
use serde_json::Value;
use testkit::Client;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::harness::MEMBER_API;

const READS: usize = 10_000;
const READERS: usize = 4;
/// How many changes the readers have to see.
const CHANGES: usize = 8;
/// A change that took longer may be served half: the server waits for 100 ms without one. On a busy machine, the writer may stand
/// still for as long.
const SLOW: Duration = Duration::from_millis(70);
const PATIENCE: Duration = Duration::from_secs(120);

fn content(number: usize) -> String {
    // Several pages, so that a half is not a whole.
    format!("first: {number}\nfiller: {}\nlast: {number}\n", "x".repeat(20_000))
}

/// Writes both files: even numbers by rename, odd ones in place, with a pause in the middle. Gives how long it took.
fn write(folder: &Path, number: usize) -> Duration {
    let content = content(number);
    let began = Instant::now();
    for file in ["member-api.yml", "application.yml"] {
        let path = folder.join(file);
        if number.is_multiple_of(2) {
            let beside = folder.join(format!(".{file}"));
            fs::write(&beside, &content).unwrap();
            fs::rename(&beside, &path).unwrap();
        } else {
            let (first, second) = content.split_at(content.len() / 2);
            let mut opened = fs::File::create(&path).unwrap();
            opened.write_all(first.as_bytes()).unwrap();
            std::thread::sleep(Duration::from_millis(10));
            opened.write_all(second.as_bytes()).unwrap();
        }
    }
    began.elapsed()
}

/// What a reader has seen: the numbers at the beginnings and the ends of both files.
type Seen = BTreeSet<Vec<Option<u64>>>;

fn numbers(body: &Value) -> Vec<Option<u64>> {
    let sources = body["propertySources"].as_array().unwrap();
    let ends = |source: &Value| [source["source"]["first"].as_u64(), source["source"]["last"].as_u64()];
    sources.iter().flat_map(ends).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_reads_see_whole_files_only_while_a_writer_changes_them() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 0);
    let repository = Repository::new(vec![folder.path().to_owned()]);
    repository.refresh().unwrap();
    let stop = CancellationToken::new();
    let watcher = tokio::spawn(watch(repository.clone(), stop.clone()));
    let passwords = [("member-api".to_owned().try_into().unwrap(), "first".to_owned().into())];
    let environments = Environments::new(repository, Keyring::default());
    let server = ConfigServer::new(environments, Credentials::new(passwords).unwrap());
    let client = Client(problem::wrap(config_server::http::router(Arc::new(server))));

    let is_over = Arc::new(AtomicBool::new(false));
    let writer = {
        let (folder, is_over) = (folder.path().to_owned(), Arc::clone(&is_over));
        tokio::task::spawn_blocking(move || {
            let mut slow = BTreeSet::new();
            for number in 1.. {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                if write(&folder, number) > SLOW {
                    slow.insert(number as u64);
                }
                std::thread::sleep(Duration::from_millis(250));
            }
            slow
        })
    };
    let reads = Arc::new(AtomicUsize::new(0));
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let (client, reads, is_over) = (client.clone(), Arc::clone(&reads), Arc::clone(&is_over));
        readers.spawn(async move {
            let deadline = Instant::now() + PATIENCE;
            let mut seen = Seen::new();
            while reads.fetch_add(1, Ordering::Relaxed) < READS || seen.len() < CHANGES {
                assert!(Instant::now() < deadline, "only {} versions were seen", seen.len());
                let answer =
                    client.get("/member-api/default").header("authorization", MEMBER_API).send().await;
                seen.insert(numbers(&answer.expect(StatusCode::OK).body));
                // A router waits for nothing: without this, nobody else would run.
                tokio::task::yield_now().await;
            }
            is_over.store(true, Ordering::Relaxed);
            seen
        });
    }
    let seen: Seen = readers.join_all().await.into_iter().flatten().collect();
    let slow = writer.await.unwrap();
    stop.cancel();
    watcher.await.unwrap();

    assert!(reads.load(Ordering::Relaxed) >= READS);
    let is_whole = |numbers: &&Vec<Option<u64>>| {
        numbers.len() == 4 && numbers.iter().all(|one| *one == numbers[0] && one.is_some())
    };
    let whole: Vec<_> = seen.iter().filter(is_whole).collect();
    assert!(whole.len() >= CHANGES / 2, "{} of {} answers are whole", whole.len(), seen.len());
    for numbers in seen.iter().filter(|numbers| !is_whole(numbers)) {
        let is_of_a_slow_change =
            numbers.iter().flatten().any(|number| slow.contains(number) || slow.contains(&(number + 1)));
        assert!(is_of_a_slow_change, "half of a change was served: {numbers:?}");
    }
}
