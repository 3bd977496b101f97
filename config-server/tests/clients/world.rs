//! Our servers, and what they serve.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use axum::http::{HeaderMap, StatusCode};
use headers::{Authorization, HeaderMapExt as _};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::moved::KEY;
use crate::program::{Program, free_port};

/// The application that reads.
pub(crate) const APPLICATION: &str = "shop";
pub(crate) const PASSWORD: &str = "first";
/// All that have a password.
const APPLICATIONS: [&str; 3] = [APPLICATION, "orders", "billing"];
pub(crate) const SEALED_BY_OURS: &str = "sealed by ours";
pub(crate) const SEALED_BY_SPRINGS: &str = "sealed by Spring's";
/// The label of the folder.
pub(crate) const LABEL: &str = "canary";

/// The value that Spring's server has sealed. One start of it is enough.
static SEALED_BY_SPRING: OnceCell<String> = OnceCell::const_new();

/// A file or folder that `.ci/config-clients` has made.
pub(crate) fn tool(path: &str) -> PathBuf {
    let folder =
        std::env::var_os("CONFIG_CLIENTS").expect("CONFIG_CLIENTS names the folder: run .ci/config-clients");
    PathBuf::from(folder).join(path)
}

pub(crate) fn basic(user: &str, password: &str) -> String {
    let mut headers = HeaderMap::new();
    headers.typed_insert(Authorization::basic(user, password));
    headers["authorization"].to_str().unwrap().to_owned()
}

/// A folder of settings files with a label, and our server on it.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) server: Program,
    /// The files, by their paths.
    pub(crate) files: Vec<(&'static str, String)>,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_at(free_port()).await
    }

    pub(crate) async fn start_at(port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("files")).unwrap();
        let key = folder.path().join("key");
        printed(ours().args(["keygen", "--name", "dalkom", "--out"]).arg(&key));
        let value = folder.path().join("value");
        fs::write(&value, SEALED_BY_OURS).unwrap();
        let sealed = printed(ours().args(["seal", "--key"]).arg(&key).stdin(fs::File::open(&value).unwrap()));
        let passwords = APPLICATIONS.map(|application| format!("{application}: {PASSWORD}\n")).concat();
        fs::write(folder.path().join("credentials.yml"), passwords).unwrap();
        let by_spring = SEALED_BY_SPRING.get_or_init(|| sealed_by_spring(folder.path())).await;
        let files = files(&sealed, by_spring);
        for (path, content) in &files {
            write(folder.path(), path, content);
        }
        let server = serve(folder.path(), port, &format!("spring: {{key: {KEY}}}\n")).await;
        Self { folder, server, files }
    }

    /// Another server, with the same keys and passwords, on a git repository.
    pub(crate) async fn serve_git(&self, repository: &Path) -> Program {
        let git = format!("spring: {{key: {KEY}}}\ngit: {{uri: 'file://{}'}}\n", repository.display());
        serve(self.folder(), free_port(), &git).await
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        write(self.folder(), path, content);
    }
}

fn write(folder: &Path, path: &str, content: &str) {
    // An `application.yml` for all would hold settings of config-server, too.
    let path = folder.join("files").join(APPLICATION).join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Runs a command, and gives what it prints.
fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn files(sealed: &str, by_spring: &str) -> Vec<(&'static str, String)> {
    let shared = "greeting: from application\n\
                  shop: {open: yes, limit: 0755, timeout: 3s, categories: [cake, 빵]}\n\
                  resolved: '${greeting}, ${nobody:and nobody else}'\n";
    let own =
        format!("greeting: from shop\nsecrets: {{ours: '{sealed}', springs: '{{cipher}}{by_spring}'}}\n");
    vec![
        ("application.yml", shared.to_owned()),
        ("shop.yml", own),
        ("shop-dev.yml", "greeting: from dev\n".to_owned()),
        ("canary/shop-dev.yml", "greeting: from canary\n".to_owned()),
        ("banner.txt", "Dalkom ${greeting}".to_owned()),
    ]
}

fn ours() -> Command {
    Command::new(env!("CARGO_BIN_EXE_config-server"))
}

/// Starts our server on the files of the folder, with more settings.
pub(crate) async fn serve(folder: &Path, port: u16, more: &str) -> Program {
    let own = folder.join(format!("own-{port}"));
    fs::create_dir(&own).unwrap();
    let settings = format!(
        "server: {{address: '127.0.0.1:{port}'}}\n\
         management: {{address: '127.0.0.1:0'}}\n\
         consul: {{url: 'http://127.0.0.1:9'}}\n\
         access: {{issuer: none, audience: none, user-keys-service: none}}\n\
         {more}"
    );
    fs::write(own.join("config-server.yml"), settings).unwrap();
    let mut command = ours();
    for directory in [own, folder.join("files/{application}"), folder.join("files/{application}/{label}")] {
        command.arg("--config-dir").arg(directory);
    }
    command.arg("--credentials-file").arg(folder.join("credentials.yml"));
    command.arg("--key-file").arg(folder.join("key"));
    Program::start(&mut command, port, folder)
        .ready("/openapi.json", |answer| answer.status == StatusCode::OK)
        .await
}

/// Starts Spring's server, and has a value sealed.
async fn sealed_by_spring(folder: &Path) -> String {
    let native = ["--spring.profiles.active=native".to_owned(), format!("--encrypt.key={KEY}")];
    let server = spring_server(folder, &native).await;
    let sealed = server.client().post("/encrypt").bytes("text/plain", SEALED_BY_SPRINGS).send().await;
    sealed.expect(StatusCode::OK).text()
}

/// Starts Spring's server with these settings.
pub(crate) async fn spring_server(folder: &Path, settings: &[String]) -> Program {
    let port = free_port();
    let mut command = Command::new("java");
    command.args(["-XX:TieredStopAtLevel=1", "-jar"]).arg(tool("spring-server/spring-config-server.jar"));
    command.args(["--server.address=127.0.0.1", &format!("--server.port={port}")]).args(settings);
    let server = Program::start(&mut command, port, folder);
    server.ready("/encrypt/status", |answer| answer.status == StatusCode::OK).await
}
