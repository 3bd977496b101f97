//! A server with two directories, `base` and `overlay`, five applications and the operator.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::Request as HttpRequest;
use axum::middleware::{Next, from_fn};
use config_server::ConfigServer;
use config_server::access::Credentials;
use config_server::environment::Environments;
use config_server::repository::Repository;
use config_server::sealing::Keyring;
use sealing::OpeningKey;
use serde_json::Value;
use tempfile::TempDir;
use testkit::{Answer, Client, Request};
use tokio_util::sync::CancellationToken;

/// `member-api:first`
pub(crate) const MEMBER_API: &str = "Basic bWVtYmVyLWFwaTpmaXJzdA==";
/// `store-api:second`
pub(crate) const STORE_API: &str = "Basic c3RvcmUtYXBpOnNlY29uZA==";

/// `operator:sixth`
pub(crate) const OPERATOR: &str = "Basic b3BlcmF0b3I6c2l4dGg=";

const DIRECTORIES: [&str; 2] = ["base", "overlay"];

pub(crate) struct Harness {
    folder: Arc<TempDir>,
    pub(crate) client: Client,
    /// Ends the waits of callers.
    pub(crate) drain: CancellationToken,
}

impl Harness {
    /// A server without keys.
    pub(crate) fn new() -> Self {
        Self::with_keys(Vec::new())
    }

    pub(crate) fn with_keys(keys: Vec<OpeningKey>) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        for name in DIRECTORIES {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self::serving(folder, keys)
    }

    /// A new server without keys on the same files, which has read nothing yet.
    pub(crate) fn again(&self) -> Self {
        Self::serving(Arc::clone(&self.folder), Vec::new())
    }

    fn serving(folder: Arc<TempDir>, keys: Vec<OpeningKey>) -> Self {
        let directories = DIRECTORIES.map(|name| folder.path().join(name)).into();
        let passwords = [
            ("member-api", "first"),
            ("store-api", "second"),
            ("application", "third"),
            ("order", "fourth"),
            ("order-api", "fifth"),
            ("operator", "sixth"),
        ];
        let passwords = passwords
            .map(|(name, password)| (name.to_owned().try_into().unwrap(), password.to_owned().into()));
        let repository = Repository::new(directories);
        let environments = Environments::new(repository.clone(), Keyring::new(keys).unwrap());
        let drain = CancellationToken::new();
        let server =
            ConfigServer::new(environments, Credentials::new(passwords).unwrap()).until(drain.clone());
        // The server scans its files after a change. Here it scans them before each request.
        let scan = from_fn(move |request: HttpRequest, next: Next| {
            // A broken file is seen in the answer.
            let _ = repository.refresh();
            next.run(request)
        });
        let router = problem::wrap(config_server::http::router(Arc::new(server)).layer(scan));
        Self { folder, client: Client(router), drain }
    }

    /// Writes a file, for instance `base/member-api.yml`.
    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Starts a request of member-api.
    pub(crate) fn get(&self, path: &str) -> Request {
        self.client.get(path).header("authorization", MEMBER_API)
    }

    /// Requests the settings of member-api.
    pub(crate) async fn settings(&self) -> Answer {
        self.get("/member-api/default").send().await
    }

    /// The names of the property sources in an answer, without the folder of the test.
    pub(crate) fn source_names(&self, answer: &Answer) -> Vec<String> {
        let prefix = format!("file:{}/", self.folder.path().display());
        let sources = answer.body["propertySources"].as_array().unwrap();
        sources.iter().map(|source| source["name"].as_str().unwrap().replace(&prefix, "")).collect()
    }
}

/// The content of the only property source in an answer.
pub(crate) fn only_source(answer: &Answer) -> &Value {
    let sources = answer.body["propertySources"].as_array().unwrap();
    assert_eq!(sources.len(), 1, "{}", answer.body);
    &sources[0]["source"]
}
