//! TLS: a Redis with a certificate, which the tests start themselves.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::RedisResult;
use redis_connection::{AddressError, RedisAddress, RedisConnection, Timeouts};
use tempfile::TempDir;
use testkit::Authority;

use crate::support::{direct, get, new_key, set, soon};

const PATIENT: Timeouts = Timeouts { connect: Duration::from_secs(20), response: Duration::from_secs(20) };

/// A Redis that answers over TLS alone, and by a socket in its folder.
struct TlsRedis {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Drop for TlsRedis {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl TlsRedis {
    /// One with the certificate that lies in the folder.
    async fn start(folder: TempDir) -> Self {
        let (program, libraries) = program().await;
        // Another process may take the port before Redis does. Then Redis ends, and the next port is tried.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut process = Command::new(&program)
                // One program is the server and its tools. Its name says which.
                .arg0("redis-server")
                .args(["--bind", "127.0.0.1", "--port", "0", "--save", "", "--unixsocket", "socket"])
                .args(["--tls-port", &port.to_string(), "--tls-auth-clients", "no"])
                .args(["--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem"])
                .args(["--tls-ca-cert-file", "cert.pem"])
                .envs(libraries.iter().map(|folders| ("LD_LIBRARY_PATH", folders)))
                .current_dir(&folder)
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
            if lines.any(|line| line.contains("eady to accept connections")) {
                std::thread::spawn(move || lines.for_each(drop));
                return Self { process, port, folder };
            }
            drop(process.kill());
            drop(process.wait());
        }
        panic!("Redis with TLS does not start: was it built with TLS?");
    }

    fn url(&self) -> String {
        format!("rediss://localhost:{}", self.port)
    }

    /// Makes it read its certificate again.
    async fn reload(&self) {
        let client = redis::Client::open(format!("unix://{}/socket", self.folder.path().display())).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut reload = redis::cmd("CONFIG");
        reload.arg("SET").arg("tls-cert-file").arg("cert.pem").arg("tls-key-file").arg("key.pem");
        reload.query_async::<()>(&mut connection).await.unwrap();
    }
}

/// The program of the Redis that all tests use, and where its libraries are if that is no folder of the system.
async fn program() -> (PathBuf, Option<String>) {
    let said: String = redis::cmd("INFO").arg("server").query_async(&mut direct().await).await.unwrap();
    let process = said.lines().find_map(|line| line.strip_prefix("process_id:")).unwrap();
    let environment = fs::read(format!("/proc/{process}/environ")).unwrap();
    let libraries = environment
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(b"LD_LIBRARY_PATH="))
        .map(|folders| String::from_utf8(folders.to_vec()).unwrap());
    (fs::read_link(format!("/proc/{process}/exe")).unwrap(), libraries)
}

fn connection(url: &str, ca_file: Option<&Path>) -> RedisConnection {
    RedisConnection::new(&RedisAddress { url, ca_file }, PATIENT).unwrap()
}

/// What is logged of an error: it and its causes.
fn text_of(answer: RedisResult<String>) -> String {
    let error = answer.unwrap_err();
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[tokio::test]
async fn commands_run_over_tls_with_an_authority_of_ones_own() {
    let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
    authority.write_for("localhost", |_| (), folder.path());
    let ca_file = authority.file_in(folder.path());
    let server = TlsRedis::start(folder).await;
    let (redis, key) = (connection(&server.url(), Some(&ca_file)), new_key());
    soon(set(&redis, &key, "달콤")).await.unwrap();
    assert_eq!(soon(get(&redis, &key)).await.unwrap(), "달콤");
    // The server speaks nothing but TLS.
    let clear = connection(&server.url().replace("rediss", "redis"), None);
    soon(get(&clear, &key)).await.unwrap_err();
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_by_name_until_it_is_put_right() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let folder = TempDir::new().unwrap();
    let ca_file = authority.file_in(folder.path());
    stranger.write_for("localhost", |_| (), folder.path());
    let server = TlsRedis::start(folder).await;
    let redis = connection(&server.url(), Some(&ca_file));
    // Without a file, the public authorities are asked, and none of them has signed this.
    for refusing in [&redis, &connection(&server.url(), None)] {
        let said = text_of(soon(get(refusing, "any")).await);
        assert!(said.contains("invalid peer certificate: UnknownIssuer"), "{said}");
    }
    authority.write_for("localhost", |_| (), server.folder.path());
    server.reload().await;
    soon(set(&redis, "any", "1")).await.unwrap();
}

#[tokio::test]
async fn a_certificate_for_another_name_and_one_that_has_expired_are_refused() {
    let authority = Authority::new();
    for (name, not_after, reason) in [
        ("redis.example", rcgen::date_time_ymd(4000, 1, 1), "not valid for name"),
        ("localhost", rcgen::date_time_ymd(2020, 1, 1), "expired"),
    ] {
        let folder = TempDir::new().unwrap();
        authority.write_for(name, |certificate| certificate.not_after = not_after, folder.path());
        let ca_file = authority.file_in(folder.path());
        let server = TlsRedis::start(folder).await;
        let said = text_of(soon(get(&connection(&server.url(), Some(&ca_file)), "any")).await);
        assert!(said.contains("invalid peer certificate") && said.contains(reason), "{said}");
    }
}

#[tokio::test]
async fn a_handshake_that_stands_still_ends_by_the_limit_for_opening() {
    // The kernel accepts, and nobody reads.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("rediss://localhost:{}", silent.local_addr().unwrap().port());
    let timeouts = Timeouts { connect: Duration::from_millis(100), ..PATIENT };
    let redis = RedisConnection::new(&RedisAddress { url: &url, ca_file: None }, timeouts).unwrap();
    assert!(soon(get(&redis, "any")).await.unwrap_err().is_timeout());
}

#[test]
fn an_address_or_a_file_that_would_never_work_is_refused_at_once() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        file
    };
    let authority = Authority::new().file_in(folder.path());
    let no_certificate = file("empty.pem", "nothing\n");
    let broken = file("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let refusal = |url: &str, ca_file: Option<&Path>| {
        RedisConnection::new(&RedisAddress { url, ca_file }, PATIENT).map(drop).unwrap_err()
    };
    assert!(matches!(refusal("rediss://", None), AddressError::Malformed(_)));
    assert!(matches!(refusal("rediss://redis:6379/#insecure", None), AddressError::Unverified));
    assert!(matches!(refusal("redis://redis:6379", Some(&authority)), AddressError::NoTls));
    let absent = folder.path().join("absent.pem");
    assert!(matches!(refusal("rediss://redis:6379", Some(&absent)), AddressError::Unreadable(..)));
    for file in [no_certificate, broken] {
        assert!(matches!(refusal("rediss://redis:6379", Some(&file)), AddressError::NoAuthority(_)));
    }
}
