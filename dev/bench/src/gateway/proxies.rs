//! Starting each proxy, with the same number of threads, and with or without its access log.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::ValueEnum;
use tokio::net::TcpStream;

use super::others;
use super::place::{Logs, Place};
use super::running::Running;
use crate::process::Process;

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Kind {
    /// Our gateway
    Dalkom,
    /// nginx, from Debian
    Nginx,
    /// HAProxy, from Debian
    Haproxy,
    /// Envoy, from PyPI
    Envoy,
    /// Traefik, from PyPI
    Traefik,
    /// Spring Cloud Gateway, built by Maven from `--spring`
    Spring,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Dalkom => "Dalkom",
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::Envoy => "Envoy",
            Self::Traefik => "Traefik",
            Self::Spring => "Spring",
        })
    }
}

/// A running proxy.
pub(super) struct Proxy {
    pub(super) kind: Kind,
    port: u16,
    running: Running,
}

impl Proxy {
    pub(super) async fn start(
        kind: Kind,
        place: &Place<'_>,
        threads: u32,
        logs: Logs,
    ) -> anyhow::Result<Self> {
        let folder = place.folder.join(format!("{kind}-{logs:?}"));
        fs::create_dir(&folder)?;
        let port = stack::free_port()?;
        let command = match kind {
            Kind::Dalkom => dalkom(place, port, threads, logs)?,
            Kind::Nginx => nginx(place, &folder, port, threads, logs)?,
            Kind::Haproxy => haproxy(place, &folder, port, threads, logs)?,
            Kind::Envoy => others::envoy(place, &folder, port, threads, logs)?,
            Kind::Traefik => others::traefik(place, &folder, port, threads, logs)?,
            Kind::Spring => others::spring(place, &folder, port, threads, logs)?,
        };
        let log = folder.join("log");
        let mut proxy = Self { kind, port, running: Running::start(command, &log)? };
        proxy.wait(&log).await?;
        Ok(proxy)
    }

    async fn wait(&mut self, log: &Path) -> anyhow::Result<()> {
        let end = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            if self.running.has_ended()? || Instant::now() > end {
                bail!("it does not start: {}", fs::read_to_string(log).unwrap_or_default());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The processor time of all its processes.
    pub(super) fn processor_time(&self) -> anyhow::Result<Duration> {
        self.running.all()?.into_iter().map(Process::processor_time).sum()
    }

    /// The resident memory of all its processes. What they share counts for each.
    pub(super) fn memory_kib(&self) -> anyhow::Result<u64> {
        self.running.all()?.into_iter().map(|process| Ok(process.memory_kib()?.0)).sum()
    }
}

fn dalkom(place: &Place<'_>, port: u16, threads: u32, logs: Logs) -> anyhow::Result<Command> {
    let mut command = Command::new(place.binaries.join("gateway"));
    command
        .env("DALKOM_CONFIG_PASSWORD", "none")
        .args(["--config-url", &place.stage.config_url()])
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .args(["--management", &format!("127.0.0.1:{}", stack::free_port()?)])
        .args(["--worker-threads", &threads.to_string()])
        .args(["--log", if logs == Logs::On { "info" } else { "warn" }]);
    Ok(command)
}

fn nginx(place: &Place<'_>, folder: &Path, port: u16, threads: u32, logs: Logs) -> anyhow::Result<Command> {
    let (shown, upstream) = (folder.display(), place.stage.upstream_port());
    let log = if logs == Logs::On { format!("{shown}/access") } else { "off".to_owned() };
    let text = format!(
        "worker_processes {threads}; daemon off; pid {shown}/pid; error_log stderr warn;\n\
         events {{ worker_connections 20000; }}\n\
         http {{\n\
         access_log {log}; keepalive_requests 1000000000; keepalive_timeout 600s;\n\
         client_body_temp_path {shown}; client_max_body_size 1m; client_body_buffer_size 128k;\n\
         proxy_temp_path {shown}; fastcgi_temp_path {shown}; uwsgi_temp_path {shown}; scgi_temp_path {shown};\n\
         upstream services {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; }}\n\
         server {{\n\
         listen 127.0.0.1:{port} backlog=4096;\n\
         location / {{\n\
         proxy_pass http://services; proxy_http_version 1.1;\n\
         proxy_set_header Connection \"\"; proxy_set_header Host $host;\n\
         proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;\n\
         }}\n}}\n}}\n"
    );
    let path = folder.join("nginx.conf");
    fs::write(&path, text)?;
    let mut command = place.peers.nginx.command();
    command.arg("-p").arg(folder).arg("-c").arg(path).arg("-e").arg("stderr");
    Ok(command)
}

fn haproxy(place: &Place<'_>, folder: &Path, port: u16, threads: u32, logs: Logs) -> anyhow::Result<Command> {
    let upstream = place.stage.upstream_port();
    let log = if logs == Logs::On { "log global\n option httplog" } else { "no log" };
    let text = format!(
        "global\n nbthread {threads}\n maxconn 9000\n log stdout len 1024 format raw local0 info\n\
         defaults\n mode http\n {log}\n option http-keep-alive\n option forwardfor\n http-reuse always\n\
         timeout connect 5s\n timeout client 600s\n timeout server 60s\n\
         frontend clients\n bind 127.0.0.1:{port} backlog 4096\n default_backend services\n\
         backend services\n server one 127.0.0.1:{upstream}\n"
    );
    let path = folder.join("haproxy.cfg");
    fs::write(&path, text)?;
    let mut command = place.peers.haproxy.command();
    command.arg("-db").arg("-f").arg(path);
    Ok(command)
}
