//! The process behind TLS, and clients that trust its authority or do not.
#![expect(clippy::unwrap_used, reason = "in a test, the panic is the message")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use settings::client::BackOff;
use settings::follow::Rhythm;
use settings::{ConfigClient, FetchError, Report};
use tempfile::TempDir;
use testkit::Authority;

const SOON: Duration = Duration::from_millis(20);

/// A running config-server with the settings of `shop`.
struct Server {
    process: Child,
    port: u16,
    folder: TempDir,
    log: Option<BufReader<ChildStderr>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Server {
    /// With the certificate that is in the folder, if there is one.
    fn start(folder: TempDir) -> Self {
        let path = |name: &str| folder.path().join(name);
        let files = path("files");
        fs::create_dir(&files).unwrap();
        let mut own = "server: {address: '127.0.0.1:0'}\nmanagement: {address: '127.0.0.1:0'}\n\
                       consul: {url: 'http://127.0.0.1:1'}\n\
                       access: {issuer: a, audience: b, user-keys-service: c}\n"
            .to_owned();
        if path("cert.pem").exists() {
            let tls = format!(
                "server.tls: {{certificate: '{}', key: '{}'}}\n",
                path("cert.pem").display(),
                path("key.pem").display()
            );
            own.push_str(&tls);
        }
        fs::write(files.join("config-server.yml"), own).unwrap();
        fs::write(files.join("shop.yml"), "port: 1\n").unwrap();
        fs::write(path("credentials.yml"), "shop: sesame\n").unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_config-server"))
            .args(["--log-format", "json", "--config-dir"])
            .arg(&files)
            .arg("--credentials-file")
            .arg(path("credentials.yml"))
            .env_clear()
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let line = logged(&mut log, "serving");
        let address: SocketAddr = line["address"].as_str().unwrap().parse().unwrap();
        Self { process, port: address.port(), folder, log: Some(log) }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.process.id()).unwrap()), signal).unwrap();
    }

    /// Reads the log up to a line.
    async fn logged(&mut self, message: &'static str) {
        let mut log = self.log.take().unwrap();
        let read = tokio::task::spawn_blocking(move || {
            logged(&mut log, message);
            log
        });
        self.log = Some(read.await.unwrap());
    }
}

fn logged(log: &mut BufReader<ChildStderr>, message: &str) -> Value {
    let mut line = String::new();
    loop {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "never logged: {message}");
        let line: Value = serde_json::from_str(&line).unwrap();
        if line["message"] == message {
            return line;
        }
    }
}

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
