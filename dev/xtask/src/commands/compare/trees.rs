//! Random trees of settings files, and what is asked about each.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::values;

/// The directories of both servers, the one that wins last.
pub(super) const LOCATIONS: [&str; 2] = ["a", "b"];

/// The application that asks.
pub(super) const APPLICATION: &str = "foo";

/// The files of a label, by their paths in the folder.
pub(super) struct Tree {
    number: u32,
    files: BTreeMap<String, String>,
}

/// A request about a tree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// `/foo/{profiles}/{label}`
    Environment(&'static str),
    /// `/{label}/foo-{profiles}.{extension}`
    Rendering(&'static str),
}

pub(super) const REQUESTS: &[Request] = &[
    Request::Environment("foo/default"),
    Request::Environment("foo/dev"),
    Request::Environment("foo/prod,dev"),
    Request::Environment("foo,bar/dev"),
    Request::Rendering("foo-default.properties"),
    Request::Rendering("foo-dev.json"),
    Request::Rendering("foo-dev.yml"),
    Request::Rendering("foo-prod.json?resolvePlaceholders=false"),
];

impl Request {
    pub(super) fn path(self, label: &str) -> String {
        match self {
            Self::Environment(names) => format!("/{names}/{label}"),
            Self::Rendering(name) => format!("/{label}/{name}"),
        }
    }
}

impl Tree {
    /// The tree with this number of `count`. Later ones are larger.
    pub(super) fn random(number: u32, count: u32, seed: u64, sealed: &[String]) -> Self {
        let mut rng = StdRng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(number.into()));
        let size = 1 + (number * 6 / count.max(1)) as usize;
        let mut files = BTreeMap::new();
        for _ in 0..size {
            let (path, content) = file(&mut rng, sealed, size);
            files.insert(format!("{}/t{number}/{path}", LOCATIONS.choose(&mut rng).unwrap_or(&"a")), content);
        }
        Self { number, files }
    }

    pub(super) fn label(&self) -> String {
        format!("t{}", self.number)
    }

    pub(super) fn bytes(&self) -> usize {
        self.files.values().map(String::len).sum()
    }

    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        for location in LOCATIONS {
            fs::create_dir_all(folder.join(location).join(self.label()))?;
        }
        self.files.iter().try_for_each(|(path, content)| fs::write(folder.join(path), content))
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (path, content) in &self.files {
            write!(formatter, "--- {path}\n{content}")?;
        }
        Ok(())
    }
}

/// A file: its name and content.
fn file(rng: &mut StdRng, sealed: &[String], lines: usize) -> (String, String) {
    let name = ["application", "foo", "bar", "foo-bar"].choose(rng).copied().unwrap_or("foo");
    let profile = ["", "", "-dev", "-prod"].choose(rng).copied().unwrap_or_default();
    let extension = ["yml", "yml", "yaml", "properties"].choose(rng).copied().unwrap_or("yml");
    let is_yaml = extension != "properties";
    let separator = if is_yaml { "---\n" } else { "#---\n" };
    let documents = if rng.random_bool(0.2) { 2 } else { 1 };
    let mut content = String::new();
    for number in 0..documents {
        if number > 0 {
            content.push_str(separator);
        }
        if rng.random_bool(0.1) {
            let profile =
                ["dev", "prod", "!dev", "dev | prod", "dev & prod"].choose(rng).copied().unwrap_or("dev");
            content.push_str("spring.config.activate.on-profile");
            let [before, after] = if is_yaml { [": \"", "\"\n"] } else { ["=", "\n"] };
            for part in [before, profile, after] {
                content.push_str(part);
            }
        }
        content.push_str(&if is_yaml {
            values::yaml(rng, sealed, lines, 0)
        } else {
            values::properties(rng, sealed, lines)
        });
    }
    (format!("{name}{profile}.{extension}"), content)
}
