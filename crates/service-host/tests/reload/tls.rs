//! config-server behind TLS: a process trusts the authority that it is given, and says what is wrong otherwise.

use std::collections::BTreeMap;

use access::{ServiceKeys, UserKeys, Verifier};
use clock::Clock;
use nix::sys::signal::Signal;
use serde_json::json;
use service_host::{App, Drain};
use tempfile::TempDir;
use testkit::Authority;
use tokio::net::TcpListener;

use super::{ConfigServer, settings_of};
use crate::process::Process;

/// A server with a certificate for `localhost`. Gives its port.
async fn encrypted(server: &ConfigServer, folder: &TempDir, authority: &Authority) -> u16 {
    authority.write_for("localhost", |_| (), folder.path());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let settings: service_host::settings::Server = serde_json::from_value(json!({
        "address": "127.0.0.1:0",
        "tls": {"certificate": path("cert.pem"), "key": path("key.pem")},
    }))
    .unwrap();
    let clock = Clock::system();
    let services = ServiceKeys::new("config-server", &BTreeMap::new(), clock.clone()).unwrap();
    let verifier = Verifier::new(UserKeys::new("nobody", "nobody", clock), services);
    let app = App::new(server.router());
    tokio::spawn(
        async move { service_host::serve(listener, app, verifier, &settings, Drain::default()).await },
    );
    port
}

/// The last line of the log of a process that can't start.
async fn refusal(url: &str, flags: &[&str]) -> String {
    let mut process = Process::following_with(url, flags);
    let log = process.rest_of_log().await;
    process.ended_with(1).await;
    log.last().unwrap()["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_process_has_its_settings_and_their_changes_by_tls() {
    let (server, _) = ConfigServer::start(json!({})).await;
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let port = encrypted(&server, &folder, &authority).await;
    let ca_file = authority.file_in(folder.path());
    let flags = ["--config-ca-file", ca_file.to_str().unwrap()];
    let mut process = Process::following_with(&format!("https://localhost:{port}"), &flags);
    process.logged("registered in Consul").await;

    server.change("2", json!({"greeting": "bye"}));

    process.logged("the settings have changed").await;
    assert_eq!(settings_of(&process).await, json!({"version": "2"}));
    process.end(Signal::SIGTERM, 0).await;
}

#[tokio::test]
async fn a_process_ends_with_the_reason_if_the_certificate_is_not_trusted() {
    let (server, _) = ConfigServer::start(json!({})).await;
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let port = encrypted(&server, &folder, &authority).await;
    let url = format!("https://localhost:{port}");
    let stranger = Authority::new().file_in(folder.path());
    // Another authority; without a file, the public ones.
    for flags in [&["--config-ca-file", stranger.to_str().unwrap()][..], &[]] {
        let said = refusal(&url, flags).await;
        assert!(
            said.contains("is not trusted (--config-ca-file names its authority)")
                && said.contains("invalid peer certificate: UnknownIssuer"),
            "{said}"
        );
    }
    // The name in the address is not that in the certificate.
    let ca_file = authority.file_in(folder.path());
    let flags = ["--config-ca-file", ca_file.to_str().unwrap()];
    let said = refusal(&format!("https://127.0.0.1:{port}"), &flags).await;
    assert!(said.contains("is not trusted") && said.contains("not valid for name"), "{said}");
    // The password was never sent.
    assert_eq!(server.reports.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_process_ends_with_the_reason_if_one_side_encrypts_and_the_other_does_not() {
    let (server, clear_url) = ConfigServer::start(json!({})).await;
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let port = encrypted(&server, &folder, &authority).await;

    let said = refusal(&format!("http://localhost:{port}"), &[]).await;
    assert!(said.contains("400 Bad Request: this port is encrypted: ask it by https"), "{said}");

    let said = refusal(&clear_url.replace("http://", "https://"), &[]).await;
    assert!(said.contains("does not speak TLS"), "{said}");
}

#[tokio::test]
async fn files_that_can_not_be_used_are_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.pem");
    std::fs::write(&file, "nothing").unwrap();
    let flags = ["--config-ca-file", file.to_str().unwrap()];
    let said = refusal("https://localhost:1", &flags).await;
    assert!(said.contains("empty.pem has no certificate of an authority"), "{said}");
    let said = refusal("http://localhost:1", &flags).await;
    assert!(said.contains("no address begins with https://"), "{said}");
    let said = refusal("https://localhost:1", &["--config-ca-file", "/nowhere/ca.pem"]).await;
    assert!(said.contains("/nowhere/ca.pem can't be read"), "{said}");
}
