//! The proxies that Debian does not have. One whose tools are missing is left out.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::place::{Logs, Place};

/// Its admin interface is off, and its pools have no limits that would be reached.
pub(super) fn envoy(
    place: &Place<'_>,
    folder: &Path,
    port: u16,
    threads: u32,
    logs: Logs,
) -> anyhow::Result<Command> {
    let address = |port: u16| json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
    let extension = "type.googleapis.com/envoy.extensions";
    let log = json!({
        "name": "file",
        "typed_config": {
            "@type": format!("{extension}.access_loggers.file.v3.FileAccessLog"),
            "path": folder.join("access"),
        },
    });
    let manager = json!({
        "@type": format!("{extension}.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "clients",
        "access_log": if logs == Logs::On { vec![log] } else { Vec::new() },
        "use_remote_address": true,
        "route_config": { "virtual_hosts": [{
            "name": "all", "domains": ["*"],
            "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "services" } }],
        }]},
        "http_filters": [{
            "name": "router",
            "typed_config": { "@type": format!("{extension}.filters.http.router.v3.Router") },
        }],
    });
    let most = 100_000;
    let limits = json!([{
        "max_connections": most, "max_pending_requests": most, "max_requests": most, "max_retries": most,
    }]);
    let config = json!({ "static_resources": {
        "listeners": [{
            "address": address(port),
            "filter_chains": [{ "filters": [{ "name": "http", "typed_config": manager }] }],
        }],
        "clusters": [{
            "name": "services", "type": "STATIC", "circuit_breakers": { "thresholds": limits },
            "load_assignment": { "cluster_name": "services", "endpoints": [{
                "lb_endpoints": [{ "endpoint": { "address": address(place.stage.upstream_port()) } }],
            }]},
        }],
    }});
    let mut command = place.peers.envoy()?.command();
    command.arg("--config-path").arg(write(folder, "envoy.json", &config)?);
    command.arg("--concurrency").arg(threads.to_string());
    command.args(["--log-level", "warn", "--disable-hot-restart"]);
    Ok(command)
}

/// Go has no setting for its threads but the environment.
pub(super) fn traefik(
    place: &Place<'_>,
    folder: &Path,
    port: u16,
    threads: u32,
    logs: Logs,
) -> anyhow::Result<Command> {
    let upstream = format!("http://127.0.0.1:{}", place.stage.upstream_port());
    let routes = json!({ "http": {
        "routers": { "all": { "rule": "PathPrefix(`/`)", "service": "services", "entryPoints": ["web"] } },
        "services": { "services": { "loadBalancer": { "servers": [{ "url": upstream }] } } },
    }});
    let mut config = json!({
        "entryPoints": { "web": { "address": format!("127.0.0.1:{port}") } },
        "providers": { "file": { "filename": write(folder, "routes.yml", &routes)? } },
        "serversTransport": { "maxIdleConnsPerHost": 256 },
        "global": { "checkNewVersion": false, "sendAnonymousUsage": false },
    });
    if logs == Logs::On {
        config["accessLog"] = json!({ "filePath": folder.join("access") });
    }
    let mut command = place.peers.traefik()?.command();
    let mut file = OsString::from("--configFile=");
    file.push(write(folder, "traefik.yml", &config)?);
    command.arg(file).env("GOMAXPROCS", threads.to_string());
    Ok(command)
}

/// It verifies the token of each request that has one, and writes its access log if it is told to.
pub(super) fn spring(
    place: &Place<'_>,
    folder: &Path,
    port: u16,
    threads: u32,
    logs: Logs,
) -> anyhow::Result<Command> {
    let sources = place.spring.canonicalize();
    let sources = sources.with_context(|| format!("{} is not there", place.spring.display()))?;
    let upstream = place.stage.upstream_port();
    copy(&sources, folder, upstream)?;
    let built = Command::new("mvn").args(["-q", "-B", "-DskipTests", "package"]).current_dir(folder).output();
    let built = built.context("Maven is not there")?;
    ensure!(built.status.success(), "Maven fails: {}", String::from_utf8_lossy(&built.stdout));
    let mut command = Command::new("java");
    command
        .arg(format!("-Dreactor.netty.ioWorkerCount={threads}"))
        .arg(format!("-Dreactor.netty.http.server.accessLogEnabled={}", logs == Logs::On))
        .arg(format!("-XX:ActiveProcessorCount={threads}"))
        .arg("-jar")
        .arg(folder.join("target/scg.jar"))
        .arg(format!("--server.port={port}"));
    if logs == Logs::On {
        command.arg("--logging.level.reactor.netty.http.server.AccessLog=INFO");
    }
    Ok(command)
}

/// Copies the sources. They name the ports of the services, in whose place the upstream stands.
fn copy(from: &Path, to: &Path, upstream: u16) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (path, copied) = {
            let entry = entry?;
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            copy(&path, &copied, upstream)?;
        } else {
            let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            let at = format!("127.0.0.1:{upstream}");
            fs::write(copied, text.replace("127.0.0.1:8090", &at).replace("127.0.0.1:8091", &at))?;
        }
    }
    Ok(())
}

/// Writes a configuration. YAML includes JSON.
fn write(folder: &Path, name: &str, config: &Value) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    fs::write(&path, config.to_string())?;
    Ok(path)
}
