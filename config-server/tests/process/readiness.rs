//! What `/readyz` says of settings files that can't be used.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use serde_json::Value;

use crate::Server;

/// The status and the body of `/readyz`.
fn readiness(server: &Server) -> (u16, Value) {
    let mut stream = TcpStream::connect(server.management).unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

fn wait_for(server: &Server, is_so: impl Fn(u16, &Value) -> bool) -> Value {
    loop {
        let (status, report) = readiness(server);
        if is_so(status, &report) {
            return report["dependencies"].clone();
        }
    }
}

fn write(folder: &Path, content: &str) {
    fs::create_dir_all(folder.join("files")).unwrap();
    fs::write(folder.join("files/shop.yml"), content).unwrap();
}

#[test]
fn a_process_that_can_answer_nobody_is_not_ready_and_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "port: [");
    let server = Server::start(folder);

    let dependencies = wait_for(&server, |status, report| status == 503 && report["status"] == "not-ready");
    let error = dependencies["settings files"]["error"].as_str().unwrap();
    assert!(error.contains("shop.yml"), "{error}");

    write(server.folder.path(), "port: 1\n");
    wait_for(&server, |status, _| status == 200);
    // From now on there are good files, and these are served.
    write(server.folder.path(), "port: [");
    let latest = |report: &Value| report["dependencies"]["latest settings files"]["status"] == "down";
    let dependencies = wait_for(&server, |_, report| latest(report));
    assert_eq!(dependencies["settings files"]["status"], "up");
    assert!(dependencies["latest settings files"]["error"].as_str().unwrap().contains("shop.yml"));
    assert_eq!(readiness(&server).0, 200);
}
