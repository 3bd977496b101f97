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

/// A file that is no source of settings.
const PLAIN_FILE: &str = "plain.txt";

/// A request about a tree. `{label}` stands for its label; the labels `{label}b` and `{label}/sub` have files as well. With a list of
/// labels, Spring's server finds no directory for `{label}` in a location, and answers 500.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// The sources.
    Environment(&'static str),
    /// The sources, with the place of each value.
    Origins(&'static str),
    /// All sources merged, in the format of the extension.
    Rendering(&'static str),
    /// The plain file, with placeholders filled in.
    Plain(&'static str),
}

pub(super) const REQUESTS: &[Request] = &[
    Request::Environment("/foo/default/{label}"),
    Request::Environment("/foo/dev/{label}"),
    Request::Environment("/foo/prod,dev/{label}"),
    Request::Environment("/foo/dev,bar,default/{label}"),
    Request::Environment("/foo/default,prod/{label}"),
    Request::Environment("/foo,bar/dev/{label}"),
    Request::Environment("/foo.bar,foo/dev/{label}"),
    Request::Environment("/foo,foo-bar,application/prod,dev/{label}"),
    Request::Environment("/foo/dev/{label}b"),
    Request::Environment("/foo/prod/{label}(_)sub"),
    Request::Origins("/foo/prod,dev/{label}"),
    Request::Rendering("/{label}/foo-default.properties"),
    Request::Rendering("/{label}/foo-dev.json"),
    Request::Rendering("/{label}/foo-dev.yml"),
    Request::Rendering("/{label}b/foo-dev,prod.json"),
    Request::Rendering("/{label}(_)sub/foo,foo.bar-prod.properties"),
    Request::Rendering("/{label}/foo-prod.json?resolvePlaceholders=false"),
    Request::Plain("/foo/dev/{label}/plain.txt"),
];

impl Request {
    pub(super) fn path(self, label: &str) -> String {
        let (Self::Environment(path) | Self::Origins(path) | Self::Rendering(path) | Self::Plain(path)) =
            self;
        path.replace("{label}", label)
    }

    /// The media type that is asked for.
    pub(super) fn accept(self) -> Option<&'static str> {
        matches!(self, Self::Origins(_)).then_some("application/vnd.spring-cloud.config-server.v2+json")
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
            let location = LOCATIONS.choose(&mut rng).unwrap_or(&"a");
            let label = ["", "", "", "b", "/sub"].choose(&mut rng).unwrap_or(&"");
            files.insert(format!("{location}/t{number}{label}/{path}"), content);
        }
        if rng.random_bool(0.3) {
            let profile = ["", "-dev"].choose(&mut rng).unwrap_or(&"");
            let path = PLAIN_FILE.replace('.', &format!("{profile}."));
            files.insert(format!("a/t{number}/{path}"), values::plain_text(&mut rng));
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
            for label in [self.label(), format!("{}b", self.label())] {
                fs::create_dir_all(folder.join(location).join(label).join("sub"))?;
            }
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
    let name =
        ["application", "foo", "foo", "bar", "foo-bar", "foo.bar"].choose(rng).copied().unwrap_or("foo");
    let profile = ["", "", "-dev", "-prod", "-bar", "-default"].choose(rng).copied().unwrap_or_default();
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
