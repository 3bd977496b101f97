//! `examples/minimal.rs` as a process: its settings, its log, its ports and its end.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use discovery::Instances;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;

pub(crate) fn consul_url() -> String {
    std::env::var("CONSUL_URL").expect("CONSUL_URL names a throw-away Consul: run `cargo xtask test`")
}

/// Settings that work, with these changes.
pub(crate) fn settings(changed: Value) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(environment(changed).to_string().as_bytes()).unwrap();
    file
}

/// The answer of a config server with settings that work, with these changes.
pub(crate) fn environment(mut changed: Value) -> Value {
    let mut source = json!({
        "server.address": "127.0.0.1:0",
        "server.drain-delay-ms": 0,
        "management.address": "127.0.0.1:0",
        "consul.url": consul_url(),
        "access.issuer": "dalkom",
        "access.audience": "dalkom",
        "access.user-keys-service": "member-api",
        "greeting": "hello",
    });
    source.as_object_mut().unwrap().append(changed.as_object_mut().unwrap());
    json!({
        "name": "minimal-api",
        "profiles": ["default"],
        "propertySources": [{"name": "test", "source": source}],
    })
}

pub(crate) struct Process {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    lines: Vec<Value>,
    address: Option<SocketAddr>,
    management: Option<SocketAddr>,
    _settings: Option<NamedTempFile>,
}

impl Process {
    /// The program, which `cargo test` builds beside the tests.
    pub(crate) fn command() -> Command {
        Self::example("minimal")
    }

    fn example(name: &str) -> Command {
        let test: PathBuf = std::env::current_exe().unwrap();
        let program = test.parent().unwrap().parent().unwrap().join("examples").join(name);
        let mut command = Command::new(program);
        command.kill_on_drop(true).stderr(Stdio::piped());
        command
    }

    pub(crate) fn spawn(settings: NamedTempFile) -> Self {
        let mut command = Self::command();
        command.arg("--settings").arg(settings.path());
        Self { _settings: Some(settings), ..Self::of(command) }
    }

    /// `examples/following.rs`, which has its settings from a config server.
    pub(crate) fn following(config_url: &str) -> Self {
        Self::following_with(config_url, &[])
    }

    /// The same with further flags.
    pub(crate) fn following_with(config_url: &str, flags: &[&str]) -> Self {
        let mut command = Self::example("following");
        command.args(["--config-url", config_url]).args(flags);
        command.env("DALKOM_CONFIG_PASSWORD", "a sesame of many letters");
        Self::of(command)
    }

    fn of(mut command: Command) -> Self {
        let mut child = command.args(["--log-format", "json"]).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, log, lines: Vec::new(), address: None, management: None, _settings: None }
    }

    /// A process that serves and is registered.
    pub(crate) async fn ready(settings: NamedTempFile) -> Self {
        let mut process = Self::spawn(settings);
        process.logged("registered in Consul").await;
        process
    }

    /// Reads the log up to the line with this message, and gives the line.
    pub(crate) async fn logged(&mut self, message: &str) -> Value {
        loop {
            match self.next_line().await {
                Some(line) if line == message => break,
                Some(_) => {}
                None => panic!("never logged: {message}; the last line is {:?}", self.lines.last()),
            }
        }
        self.lines.last().unwrap().clone()
    }

    /// Reads the log to the end of the process, and gives all of it.
    pub(crate) async fn rest_of_log(&mut self) -> Vec<Value> {
        while self.next_line().await.is_some() {}
        std::mem::take(&mut self.lines)
    }

    async fn next_line(&mut self) -> Option<String> {
        let line: Value = serde_json::from_str(&self.log.next_line().await.unwrap()?).unwrap();
        let message = line["message"].as_str().unwrap().to_owned();
        if message == "serving" {
            let address = |name: &str| Some(line[name].as_str().unwrap().parse().unwrap());
            self.address = address("address");
            self.management = address("management");
        }
        self.lines.push(line);
        Some(message)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    pub(crate) async fn ended_with(mut self, code: i32) {
        assert_eq!(self.child.wait().await.unwrap().code(), Some(code));
    }

    pub(crate) async fn end(self, signal: Signal, code: i32) {
        self.signal(signal);
        self.ended_with(code).await;
    }

    /// Ends it without a chance to do anything more.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Waits until the process is not ready any more.
    pub(crate) async fn draining(&self) {
        while self.get_management("/readyz").await.0 == 200 {}
    }

    pub(crate) fn is_among(&self, instances: &Instances) -> bool {
        // Picking takes turns, so this looks at every instance.
        (0..instances.count()).any(|_| instances.pick().map(|instance| instance.address()) == self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        get(self.address.unwrap(), path).await
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address.unwrap()).await.unwrap()
    }

    /// Sends bytes on a new connection. Gives the status and the body of the answer.
    pub(crate) async fn send(&self, bytes: &[u8]) -> (u16, String) {
        exchange(self.connect().await, bytes).await
    }

    pub(crate) async fn get_management(&self, path: &str) -> (u16, String) {
        get(self.management.unwrap(), path).await
    }

    /// Sends a request. When this returns, the process handles it. The task gives the status of the answer.
    pub(crate) async fn begin(&self, path: &'static str) -> JoinHandle<u16> {
        let address = self.address.unwrap();
        let answer = tokio::spawn(async move { get(address, path).await.0 });
        while !self
            .get_management("/metrics")
            .await
            .1
            .contains("http_requests_in_flight{service=\"minimal-api\"} 1")
        {}
        answer
    }
}

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    exchange(stream, request.as_bytes()).await
}

async fn exchange(mut stream: TcpStream, bytes: &[u8]) -> (u16, String) {
    stream.write_all(bytes).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Asks for the greeting on a connection that is kept. Gives the whole answer.
pub(crate) async fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET /greeting HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nhello") {
        answer.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(answer).unwrap()
}
