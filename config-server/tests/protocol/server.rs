//! Our server on the files of a case, and the comparison of its answer.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use config_server::ConfigServer;
use config_server::access::Credentials;
use config_server::environment::{Environments, Options};
use config_server::repository::git::{GitRepository, GitSettings};
use config_server::repository::{Files, Repository};
use config_server::sealing::Keyring;
use config_server::sealing::spring::{KeyStoreSettings, RsaAlgorithm, SpringKeys, SpringSettings};
use headers::{Authorization, HeaderMapExt as _};
use serde_json::Value;
use testkit::{Answer, Client};

use crate::case::{Case, Expected, Git, Server};
use crate::git_origin::Origin;

/// What is different in our answer. `None` if nothing is.
pub(crate) async fn difference(case: &Case) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let origin = Origin::new();
    let root = if case.server.git.is_some() { origin.path() } else { folder.path() };
    for (name, content) in &case.files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let application = case.application();
    let passwords = [application.as_str(), "operator"]
        .map(|name| (name.to_owned().try_into().unwrap(), "password".to_owned().into()));
    let (files, commits) = match &case.server.git {
        Some(git) => git_repository(git, &origin),
        None => (directories(case, root), BTreeMap::new()),
    };
    let options = Options {
        accept_empty: case.server.accept_empty,
        overrides: case.server.overrides.clone(),
        ..Options::default()
    };
    let environments = Environments::new(files, keyring(&case.server)).with_options(options);
    let server = ConfigServer::new(environments, Credentials::new(passwords).unwrap());
    let client = Client(problem::wrap(config_server::http::router(Arc::new(server))));

    let mut authorization = axum::http::HeaderMap::new();
    let is_sealing = ["/encrypt", "/decrypt", "/key"].iter().any(|path| case.path.starts_with(path));
    let caller = if is_sealing { "operator" } else { application.as_str() };
    authorization.typed_insert(Authorization::basic(caller, "password"));
    let mut request = client
        .request(Method::from_bytes(case.method.as_bytes()).unwrap(), &case.path)
        .header("authorization", authorization["authorization"].to_str().unwrap());
    for (name, value) in &case.headers {
        request = request.header(name, value);
    }
    if let Some(body) = &case.body {
        request = request.bytes("text/plain", body.clone());
    }
    compare(case, &case.expected(root, &commits), &request.send().await)
}

fn directories(case: &Case, root: &Path) -> Files {
    let repository = Repository::new(case.locations(root).iter().map(Into::into).collect());
    // A broken file is seen in the answer.
    let _ = repository.refresh();
    repository.into()
}

/// Makes the repository. Gives it and the latest commit of each branch.
fn git_repository(git: &Git, origin: &Origin) -> (Files, BTreeMap<String, String>) {
    let mut commits = BTreeMap::new();
    for commit in &git.commits {
        if commits.contains_key(&commit.branch) {
            origin.git(&["checkout", "--quiet", &commit.branch]);
        } else {
            origin.git(&["checkout", "--quiet", "-B", &commit.branch]);
        }
        let files: Vec<_> = commit.files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        commits.insert(commit.branch.clone(), origin.commit(&files));
    }
    let settings = GitSettings {
        uri: git.uri.replace("${ROOT}", origin.path().to_str().unwrap()),
        mirror: None,
        default_label: Some(git.default_label.clone()),
        search_paths: Vec::new(),
        fetch_interval_s: 60,
        username: None,
        password: None,
    };
    let repository = GitRepository::new(settings);
    repository.refresh(&AtomicBool::new(false)).unwrap();
    (repository.into(), commits)
}

/// The keys of the real server.
fn keyring(server: &Server) -> Keyring {
    let file = tempfile::NamedTempFile::new().unwrap();
    let key_store = server.key_store.as_ref().map(|key_store| {
        fs::write(file.path(), STANDARD.decode(&key_store.base64).unwrap()).unwrap();
        KeyStoreSettings {
            path: file.path().to_owned(),
            password: key_store.password.clone().into(),
            alias: Some(key_store.alias.clone()),
            algorithm: RsaAlgorithm::Default,
            strong: false,
            salt: "deadbeef".to_owned(),
        }
    });
    let key = server.encrypt_key.clone().map(Into::into);
    let settings = SpringSettings { key, key_store, ..SpringSettings::default() };
    Keyring::default().with_spring(SpringKeys::read(&settings).unwrap())
}

fn compare(case: &Case, expected: &Expected, answer: &Answer) -> Option<String> {
    let status = answer.status.as_u16();
    let is_same_kind = case.may_have_another_status() && status >= 400 && expected.status >= 400;
    if status != expected.status && !is_same_kind {
        let body = String::from_utf8_lossy(&answer.bytes);
        return Some(format!("{status} in place of {}: {body}", expected.status));
    }
    for (name, value) in &expected.header {
        let given = answer.headers.get(name).map_or("", |value| value.to_str().unwrap());
        if media_type(given) != media_type(value) {
            return Some(format!("{name} is {given} in place of {value}"));
        }
    }
    if let Some(json) = &expected.json {
        let (expected, given) = if case.server.git.is_some() {
            (json.clone(), answer.body.clone())
        } else {
            (without_version(json.clone()), without_version(answer.body.clone()))
        };
        return (expected != given).then(|| format!("{given}\n    in place of {expected}"));
    }
    let text = expected.text.as_ref()?;
    let given = String::from_utf8_lossy(&answer.bytes);
    (given != *text).then(|| format!("{given:?}\n    in place of {text:?}"))
}

fn media_type(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

/// Our version is a digest; Spring's is empty for a folder.
fn without_version(mut body: Value) -> Value {
    if let Some(environment) = body.as_object_mut().filter(|body| body.contains_key("propertySources")) {
        environment.remove("version");
    }
    body
}
