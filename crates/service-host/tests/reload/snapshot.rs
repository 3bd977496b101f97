//! A process starts with the snapshot of its last good settings while config-server is away.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{ConfigServer, settings_of};
use crate::process::Process;

fn snapshot_in(folder: &TempDir) -> PathBuf {
    folder.path().join("settings.snapshot")
}

fn following(url: &str, snapshot: &Path) -> Process {
    Process::following_with(url, &["--config-snapshot", snapshot.to_str().unwrap()])
}

/// A server with version 1, and a snapshot of it that a process has left.
async fn with_snapshot() -> (ConfigServer, String, TempDir) {
    let (server, url) = ConfigServer::start(json!({"greeting": "secret-word"})).await;
    let folder = tempfile::tempdir().unwrap();
    let mut process = following(&url, &snapshot_in(&folder));
    process.logged("the settings are kept in the snapshot").await;
    process.end(Signal::SIGTERM, 0).await;
    (server, url, folder)
}

async fn metric(process: &Process) -> String {
    let (_, metrics) = process.get_management("/metrics").await;
    let line = metrics.lines().find(|line| line.starts_with("settings_from_snapshot{"));
    line.unwrap().rsplit(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_process_starts_with_its_snapshot_and_says_so_until_a_server_confirms_it() {
    let (server, url, folder) = with_snapshot().await;
    let snapshot = snapshot_in(&folder);
    assert_eq!(snapshot.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let content = std::fs::read(&snapshot).unwrap();
    assert!(!content.windows(11).any(|bytes| bytes == b"secret-word"));

    server.is_away(true);
    let mut process = following(&url, &snapshot);
    let line = process.logged("config-server is away; starting with the snapshot of the settings").await;
    assert!(line["reason"].as_str().unwrap().contains("503"), "{line}");
    process.logged("registered in Consul").await;
    let shown = settings_of(&process).await;
    assert_eq!((&shown["version"], &shown["snapshot"]["received"]), (&json!("1"), &line["received"]));
    assert_eq!(process.get("/greeting").await.1, "secret-word");
    assert_eq!(metric(&process).await, "1");

    server.is_away(false);
    process.logged("config-server confirms the settings of the snapshot").await;
    assert_eq!(settings_of(&process).await, json!({"version": "1"}));
    while metric(&process).await != "0" {}
    process.end(Signal::SIGTERM, 0).await;
}

#[tokio::test]
async fn settings_that_came_later_take_effect_and_are_what_the_next_start_finds() {
    let (server, url, folder) = with_snapshot().await;
    server.is_away(true);
    let mut process = following(&url, &snapshot_in(&folder));
    process.logged("registered in Consul").await;

    server.change("2", json!({"greeting": "bye"}));
    server.is_away(false);
    process.logged("the settings have changed").await;
    assert_eq!(process.get("/greeting").await.1, "bye");
    assert_eq!(settings_of(&process).await, json!({"version": "2"}));
    process.logged("the settings are kept in the snapshot").await;
    // A version that can't be used is not kept.
    server.change("3", json!({"greeting": ""}));
    process.logged("the new settings are refused; the old ones stay").await;
    process.kill().await;

    server.is_away(true);
    let mut process = following(&url, &snapshot_in(&folder));
    process.logged("registered in Consul").await;
    assert_eq!(settings_of(&process).await["version"], json!("2"));
    assert_eq!(process.get("/greeting").await.1, "bye");
    process.end(Signal::SIGTERM, 0).await;
}

#[tokio::test]
async fn a_snapshot_that_was_altered_is_not_used_and_the_server_is_waited_for() {
    let (server, url, folder) = with_snapshot().await;
    let mut content = std::fs::read(snapshot_in(&folder)).unwrap();
    *content.last_mut().unwrap() ^= 1;
    std::fs::write(snapshot_in(&folder), content).unwrap();

    server.is_away(true);
    let mut process = following(&url, &snapshot_in(&folder));
    let line =
        process.logged("the snapshot of the settings can't be used; config-server is waited for").await;
    assert!(line["reason"].as_str().unwrap().contains("altered"), "{line}");

    server.is_away(false);
    process.logged("registered in Consul").await;
    assert_eq!(settings_of(&process).await, json!({"version": "1"}));
    process.end(Signal::SIGTERM, 0).await;
}

#[tokio::test]
async fn a_server_that_refuses_is_no_reason_to_use_the_snapshot() {
    let (server, url, folder) = with_snapshot().await;
    server.refuses();
    let mut process = following(&url, &snapshot_in(&folder));

    let log = process.rest_of_log().await;

    let last = log.last().unwrap()["message"].as_str().unwrap();
    assert!(last.contains("401 Unauthorized"), "{last}");
    process.ended_with(1).await;
}

/// Two processes with one file: only the first one writes, also if it stands still meanwhile.
#[tokio::test]
async fn a_process_that_stood_still_does_not_bring_older_settings_back() {
    let (server, url, folder) = with_snapshot().await;
    let snapshot = snapshot_in(&folder);
    let mut first = following(&url, &snapshot);
    first.logged("registered in Consul").await;
    // It holds the file as soon as it has written.
    server.change("2", json!({"greeting": "second"}));
    first.logged("the settings are kept in the snapshot").await;
    let mut second = following(&url, &snapshot);
    let line = second.logged("the settings can't be kept in the snapshot yet").await;
    assert!(line["reason"].as_str().unwrap().contains("kept by another process"), "{line}");

    first.signal(Signal::SIGSTOP);
    server.change("3", json!({"greeting": "third"}));
    second.logged("the settings have changed").await;
    first.signal(Signal::SIGCONT);
    first.logged("the settings are kept in the snapshot").await;
    first.end(Signal::SIGTERM, 0).await;
    server.change("4", json!({"greeting": "fourth"}));
    second.logged("the settings are kept in the snapshot").await;
    second.end(Signal::SIGTERM, 0).await;

    server.is_away(true);
    let mut third = following(&url, &snapshot);
    third.logged("registered in Consul").await;
    let shown: Value = settings_of(&third).await;
    assert_eq!(shown["version"], json!("4"));
    third.end(Signal::SIGTERM, 0).await;
}
