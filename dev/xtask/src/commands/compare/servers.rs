//! Both servers: building, starting and asking them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use super::super::config::basic;
use super::trees::{APPLICATION, LOCATIONS};

/// Spring's `encrypt.key`, on both sides.
const KEY: &str = "foo";
const PASSWORD: &str = "password";
/// Texts that Spring's server seals. Both open them.
const SECRETS: [&str; 4] = ["secret", "yes", "${a}", "a: b"];
const START_TIMEOUT: Duration = Duration::from_secs(120);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_MAX_BYTES: u64 = 16 * 1024 * 1024;

/// What a server answers.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
}

/// Both servers, which end with this value.
pub(super) struct Servers {
    spring: Server,
    ours: Server,
}

/// A process that is ended when it is not needed any more.
struct Server {
    process: Child,
    url: String,
    agent: ureq::Agent,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Builds Spring's server, and gives its jar.
pub(super) fn build_spring() -> anyhow::Result<PathBuf> {
    let project = stack::checkout().join("dev/xtask/spring-config-server");
    let target = stack::checkout().join("target/spring-config-server");
    let status = Command::new("mvn")
        .args(["-q", "-B", "-DskipTests"])
        .arg(format!("-DbuildDirectory={}", target.display()))
        .arg("package")
        .current_dir(&project)
        .status()
        .context("running Maven (`mvn`), which builds Spring's server")?;
    ensure!(status.success(), "Maven can't build Spring's server: it says why above");
    Ok(target.join("spring-config-server.jar"))
}

/// Seals a few texts by Spring's server. They have no `{cipher}`.
pub(super) fn seal(jar: &Path, folder: &Path) -> anyhow::Result<Vec<String>> {
    fs::create_dir_all(folder)?;
    let server = start_spring(jar, folder)?;
    let seal = |text: &&str| {
        let url = format!("{}/encrypt", server.url);
        let mut answer = server.agent.post(&url).header("content-type", "text/plain").send(*text)?;
        ensure!(answer.status().is_success(), "Spring's server seals nothing: {}", answer.status());
        Ok(answer.body_mut().read_to_string()?)
    };
    SECRETS.iter().map(seal).collect()
}

impl Servers {
    /// Starts both on the trees of the folder.
    pub(super) fn start(jar: &Path, binary: &Path, folder: &Path) -> anyhow::Result<Self> {
        Ok(Self { spring: start_spring(jar, folder)?, ours: start_ours(binary, folder)? })
    }

    pub(super) fn spring(&self, path: &str, accept: Option<&str>) -> anyhow::Result<Answer> {
        self.spring.get(path, accept)
    }

    pub(super) fn ours(&self, path: &str, accept: Option<&str>) -> anyhow::Result<Answer> {
        self.ours.get(path, accept)
    }
}

fn start_spring(jar: &Path, folder: &Path) -> anyhow::Result<Server> {
    let port = stack::free_port()?;
    let locations: Vec<_> =
        LOCATIONS.iter().map(|location| format!("file:{}/{location}/{{label}}/", folder.display())).collect();
    let process = Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-jar"])
        .arg(jar)
        .arg(format!("--server.port={port}"))
        .args(["--server.address=127.0.0.1", "--spring.profiles.active=native"])
        .arg("--spring.config.location=optional:file:/nonexistent/")
        .arg(format!("--spring.cloud.config.server.native.search-locations={}", locations.join(",")))
        .arg(format!("--encrypt.key={KEY}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("running Java 17 (`java`)")?;
    Server::new(process, port).ready("/encrypt/status")
}

fn start_ours(binary: &Path, folder: &Path) -> anyhow::Result<Server> {
    let port = stack::free_port()?;
    let own = folder.join("own");
    fs::create_dir_all(&own)?;
    let settings = format!(
        "server: {{address: '127.0.0.1:{port}'}}\n\
         management: {{address: '127.0.0.1:0'}}\n\
         consul: {{url: 'http://127.0.0.1:9'}}\n\
         access: {{issuer: none, audience: none, user-keys-service: none}}\n\
         spring: {{key: {KEY}}}\n"
    );
    fs::write(own.join("config-server.yml"), settings)?;
    let credentials = folder.join("credentials.yml");
    fs::write(&credentials, format!("{APPLICATION}: {PASSWORD}\n"))?;
    let mut command = Command::new(binary);
    command.arg("--config-dir").arg(&own);
    for location in LOCATIONS {
        command.arg("--config-dir").arg(folder.join(location).join("{label}"));
    }
    let process = command
        .arg("--credentials-file")
        .arg(&credentials)
        .args(["--log", "error,config_server=off,problem=off"])
        .spawn()
        .context("starting config-server")?;
    Server::new(process, port).ready("/openapi.json")
}

impl Server {
    fn new(process: Child, port: u16) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER_TIMEOUT))
            .build();
        Self { process, url: format!("http://127.0.0.1:{port}"), agent: agent.into() }
    }

    /// Waits until it answers this path.
    fn ready(mut self, path: &str) -> anyhow::Result<Self> {
        let began = Instant::now();
        while !self.get(path, None).is_ok_and(|answer| answer.status == 200) {
            if let Some(status) = self.process.try_wait()? {
                bail!("a server has ended ({status})");
            }
            ensure!(began.elapsed() < START_TIMEOUT, "a server did not start");
            thread::sleep(Duration::from_millis(100));
        }
        Ok(self)
    }

    fn get(&self, path: &str, accept: Option<&str>) -> anyhow::Result<Answer> {
        let authorization = basic(APPLICATION, PASSWORD);
        let mut request =
            self.agent.get(format!("{}{path}", self.url)).header("authorization", authorization);
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        let mut answer = request.call().with_context(|| format!("asking {}{path}", self.url))?;
        let text = answer.body_mut().with_config().limit(ANSWER_MAX_BYTES).read_to_string()?;
        Ok(Answer { status: answer.status().as_u16(), text })
    }
}
