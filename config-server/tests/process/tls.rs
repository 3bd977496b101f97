//! The port behind TLS, and clients that trust its authority or do not.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use settings::client::BackOff;
use settings::follow::Rhythm;
use settings::{ConfigClient, FetchError, Report};
use testkit::Authority;

use crate::Server;

const SOON: Duration = Duration::from_millis(20);

/// A server for `localhost`, and a file with its authority.
fn server() -> (Server, Authority, PathBuf) {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    authority.write_for("localhost", |_| (), folder.path());
    let ca_file = authority.file_in(folder.path());
    (Server::start(folder), authority, ca_file)
}

fn client(urls: &[&str], ca_file: Option<&Path>) -> ConfigClient {
    let urls = urls.iter().map(|url| url.parse().unwrap()).collect();
    let client = ConfigClient::of_servers(urls, "shop", "default", "sesame".into()).unwrap();
    let client = client.with_back_off(BackOff { first: SOON, longest: SOON });
    match ca_file {
        Some(ca_file) => client.trusting(ca_file).unwrap(),
        None => client,
    }
}

fn chain(error: &FetchError) -> String {
    telemetry::chain(error)
}

#[tokio::test]
async fn settings_are_read_by_who_trusts_the_authority_and_by_nobody_else() {
    let (server, _, ca_file) = server();
    client(&[&server.url()], Some(&ca_file)).fetch().await.unwrap();

    let stranger = Authority::new().file_in(server.folder.path());
    for ca_file in [Some(&*stranger), None] {
        let refused = client(&[&server.url()], ca_file).fetch().await.unwrap_err();
        assert!(matches!(refused, FetchError::Untrusted { .. }), "{refused}");
        assert!(chain(&refused).contains("UnknownIssuer"), "{}", chain(&refused));
    }
    let clear = client(&[&server.url().replace("https", "http")], None).fetch().await.unwrap_err();
    assert!(chain(&clear).contains("this port is encrypted: ask it by https"), "{}", chain(&clear));
}

#[tokio::test]
async fn a_certificate_that_has_expired_or_is_for_another_host_is_refused_by_name() {
    for (name, not_after, reason) in [
        ("config.example", rcgen::date_time_ymd(4000, 1, 1), "not valid for name"),
        ("localhost", rcgen::date_time_ymd(2020, 1, 1), "expired"),
    ] {
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        authority.write_for(name, |certificate| certificate.not_after = not_after, folder.path());
        let ca_file = authority.file_in(folder.path());
        let server = Server::start(folder);
        let refused = client(&[&server.url()], Some(&ca_file)).fetch().await.unwrap_err();
        assert!(matches!(refused, FetchError::Untrusted { .. }), "{refused}");
        assert!(chain(&refused).contains(reason), "{}", chain(&refused));
    }
}

/// The authority is replaced, too: clients trust the new one before the server has its certificate.
#[tokio::test]
async fn a_renewed_certificate_is_taken_up_by_both_sides_without_a_restart() {
    let (mut server, first, ca_file) = server();
    let running = client(&[&server.url()], Some(&ca_file));
    let (_, follower) = running.fetch_and_follow().await.unwrap();
    let rhythm = Rhythm { first_retry: SOON, ..Rhythm::default() };
    let mut follower = follower.with_rhythm(rhythm);

    let second = Authority::new();
    fs::write(&ca_file, [first.pem(), second.pem()].concat()).unwrap();
    second.write_for("localhost", |_| (), server.folder.path());
    server.logged("the certificate has changed; new connections get the new one").await;

    let only_second = second.file_in(server.folder.path());
    client(&[&server.url()], Some(&only_second)).fetch().await.unwrap();
    let only_first = first.file_in(server.folder.path());
    let refused = client(&[&server.url()], Some(&only_first)).fetch().await.unwrap_err();
    assert!(matches!(refused, FetchError::Untrusted { .. }), "{refused}");
    // The client that was there before opens a new connection, and trusts it.
    running.fetch().await.unwrap();
    let following = tokio::spawn(async move { follower.next(&Report::default()).await });
    fs::write(server.folder.path().join("files/shop.yml"), "port: 2\n").unwrap();
    assert!(following.await.unwrap().tree.is_ok());
}

#[tokio::test]
async fn of_several_servers_the_next_is_asked_when_one_is_not_trusted_in_the_clear_or_stands_still() {
    let (good, _, ca_file) = server();
    let (untrusted, ..) = server();
    let clear = Server::start(tempfile::tempdir().unwrap());
    let (stopped, ..) = server();
    stopped.signal(Signal::SIGSTOP);

    for bad in [&untrusted, &clear, &stopped] {
        client(&[&bad.url(), &good.url()], Some(&ca_file)).fetch().await.unwrap();
    }
    // If none can be used, waiting does not help.
    let none = client(&[&untrusted.url(), &clear.url()], Some(&ca_file)).fetch().await.unwrap_err();
    assert!(matches!(none, FetchError::Clear { .. }), "{none}");
}
