//! One request with the answer of the real server.

use std::collections::BTreeMap;
use std::path::Path;

use config_server::names::Name;
use serde::Deserialize;
use serde_json::Value;

/// Stands for the folder of the files, in `server` and in `expect`.
const ROOT: &str = "${ROOT}";

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) server: Server,
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Option<String>,
    expect: Value,
    #[serde(default)]
    may_differ: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct Server {
    pub(crate) search_locations: Option<Vec<String>>,
    #[serde(default = "yes")]
    pub(crate) accept_empty: bool,
    #[serde(default)]
    pub(crate) overrides: BTreeMap<String, String>,
    /// Spring's `encrypt.key`.
    pub(crate) encrypt_key: Option<String>,
    pub(crate) key_store: Option<KeyStore>,
    pub(crate) git: Option<Git>,
}

/// A git repository: the first commit of each branch is on top of the branch before.
#[derive(Deserialize)]
pub(crate) struct Git {
    pub(crate) uri: String,
    pub(crate) default_label: String,
    pub(crate) commits: Vec<Commit>,
}

#[derive(Deserialize)]
pub(crate) struct Commit {
    pub(crate) branch: String,
    pub(crate) files: BTreeMap<String, String>,
}

/// Spring's `encrypt.key-store`.
#[derive(Deserialize)]
pub(crate) struct KeyStore {
    pub(crate) password: String,
    pub(crate) alias: String,
    /// The PKCS #12 file.
    pub(crate) base64: String,
}

fn yes() -> bool {
    true
}

/// What the real server answered.
#[derive(Deserialize)]
pub(crate) struct Expected {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) header: BTreeMap<String, String>,
    pub(crate) json: Option<Value>,
    pub(crate) text: Option<String>,
}

impl Case {
    pub(crate) fn read(text: &str) -> Vec<Self> {
        serde_json::from_str(text).unwrap()
    }

    /// The application that asks: the first name in the path.
    pub(crate) fn application(&self) -> String {
        let path = self.path.split('?').next().unwrap().trim_start_matches('/');
        let last = path.rsplit('/').next().unwrap();
        let is_rendering = [".yml", ".yaml", ".json", ".properties"].iter().any(|end| last.ends_with(end));
        let names = match last.rsplit_once('-') {
            Some((names, _)) if is_rendering && path.split('/').count() < 3 => names,
            _ => path.split('/').next().unwrap(),
        };
        let name = names.split(',').next().unwrap();
        // Some paths have no name that an application can have.
        if Name::try_from(name.to_owned()).is_ok() { name.to_owned() } else { "nobody".to_owned() }
    }

    pub(crate) fn locations(&self, root: &Path) -> Vec<String> {
        let locations = self.server.search_locations.iter().flatten();
        locations.map(|location| location.replace(ROOT, root.to_str().unwrap())).collect()
    }

    /// `commits` has the latest commit of each branch.
    pub(crate) fn expected(&self, root: &Path, commits: &BTreeMap<String, String>) -> Expected {
        let mut text = self.expect.to_string().replace(ROOT, root.to_str().unwrap());
        for (branch, commit) in commits {
            text = text.replace(&format!("${{COMMIT:{branch}}}"), commit);
        }
        serde_json::from_str(&text).unwrap()
    }

    /// An error may have another status that says more, and stays an error.
    pub(crate) fn may_have_another_status(&self) -> bool {
        self.may_differ.iter().any(|pointer| pointer == "/")
    }
}
