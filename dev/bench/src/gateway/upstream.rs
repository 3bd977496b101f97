//! The upstream: an nginx with fixed answers.

use std::fs;
use std::path::Path;

use access::Jwks;
use anyhow::Context as _;
use serde_json::{Value, json};
use stack::Program;

use super::running::Running;

/// The running upstream.
pub(super) struct Upstream {
    port: u16,
    _running: Running,
}

impl Upstream {
    pub(super) fn start(folder: &Path, nginx: &Program, keys: &Jwks) -> anyhow::Result<Self> {
        let folder = folder.join("upstream");
        fs::create_dir(&folder)?;
        for (name, answer) in answers(keys) {
            fs::write(folder.join(name), answer)?;
        }
        let port = stack::free_port()?;
        let shown = folder.display();
        let file = |path: &str, name: &str| format!("location = {path} {{ alias {shown}/{name}; }}\n");
        let locations = [
            file("/.well-known/jwks.json", "keys"),
            file("/internal/revocations", "revocations"),
            file("/api/member/me/wallet", "wallet"),
            file("/api/store/items", "items"),
            file("/api/store/items/1k", "1k"),
            file("/api/store/items/100k", "100k"),
            "location / { return 200 '{\"id\":\"0192\"}'; }\n".to_owned(),
        ];
        let text = format!(
            "worker_processes 1; daemon off; pid {shown}/pid; error_log stderr warn;\n\
             events {{ worker_connections 20000; }}\n\
             http {{\n\
             access_log off; default_type application/json; keepalive_requests 1000000000;\n\
             client_body_temp_path {shown}; client_max_body_size 1m; client_body_buffer_size 128k;\n\
             proxy_temp_path {shown}; fastcgi_temp_path {shown}; uwsgi_temp_path {shown}; scgi_temp_path {shown};\n\
             open_file_cache max=100 inactive=24h; open_file_cache_valid 24h; sendfile on; tcp_nopush on;\n\
             server {{ listen 127.0.0.1:{port} backlog=4096;\n{}}}\n}}\n",
            locations.concat()
        );
        let path = folder.join("nginx.conf");
        fs::write(&path, text)?;
        let mut command = nginx.command();
        command.arg("-p").arg(&folder).arg("-c").arg(&path).arg("-e").arg("stderr");
        let running = Running::start(command, &folder.join("log")).context("starting the upstream")?;
        Ok(Self { port, _running: running })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

/// The files, with answers as the services give them.
fn answers(keys: &Jwks) -> Vec<(&'static str, String)> {
    let item = |number: usize| {
        json!({
            "id": "01927f3e-7c00-7000-8000-000000000000", "storeId": "01927f3e-7c00-7000-8000-000000000001",
            "name": format!("딸기 생크림 케이크 {number}"), "category": "CAKE", "price": 32_000, "hearts": 12,
            "createdAt": "2026-11-22T03:00:00Z",
        })
    };
    let items: Vec<Value> = (0..20).map(item).collect();
    let revocations = json!({ "sessions": [], "refuseForSeconds": 960, "asOf": "2026-11-22T03:00:00Z" });
    vec![
        ("keys", json!(keys).to_string()),
        ("revocations", revocations.to_string()),
        ("wallet", json!({ "balance": 120_000, "currency": "KRW", "version": 7 }).to_string()),
        ("items", json!({ "items": items, "next": null }).to_string()),
        ("1k", filled(1_000)),
        ("100k", filled(100_000)),
    ]
}

/// A JSON document of this length.
fn filled(length: usize) -> String {
    format!("{{\"text\":\"{}\"}}", "x".repeat(length.saturating_sub(11)))
}
