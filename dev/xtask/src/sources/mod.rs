//! The Rust sources of the workspace: its packages, their modules, and which module uses which.
//!
//! | module | owns |
//! |---|---|
//! | [`mod@scan`] | the declarations, imports and paths in one file |
//! | [`arrows`] | which file of a crate uses which other |
//! | [`tokens`] | recognising attributes, names and the ends of items among tokens |

mod arrows;
mod scan;
mod tokens;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::cargo;

pub(crate) use arrows::Arrow;
pub(crate) use scan::{Facts, Tests, scan};

/// A package of the workspace.
pub(crate) struct Package {
    pub(crate) name: String,
    /// From the checkout.
    pub(crate) folder: PathBuf,
    /// The root files of its library and its programs, from the checkout.
    pub(crate) roots: Vec<PathBuf>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A line of `[dependencies]`, `[dev-dependencies]` or `[build-dependencies]`.
pub(crate) struct Dependency {
    /// The name that Cargo.toml gives it.
    pub(crate) name: String,
    pub(crate) only_for_tests: bool,
}

/// The modules of one crate. Those for tests are left out.
pub(crate) struct Crate {
    /// By their paths from the root, which is the empty path.
    modules: BTreeMap<Vec<String>, Module>,
}

struct Module {
    /// The file that it is written in, from the checkout.
    file: PathBuf,
    facts: Facts,
}

/// The packages of the workspace, as cargo knows them.
pub(crate) fn packages(checkout: &Path) -> anyhow::Result<Vec<Package>> {
    let mut command = cargo::command();
    command.current_dir(checkout).args(["metadata", "--no-deps", "--format-version", "1"]);
    let output = command.output().context("running cargo metadata")?;
    ensure!(output.status.success(), "`cargo metadata` failed: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value =
        serde_json::from_slice(&output.stdout).context("reading what cargo metadata says")?;
    list(&metadata, "packages")?.iter().map(|package| Package::read(checkout, package)).collect()
}

impl Package {
    fn read(checkout: &Path, package: &Value) -> anyhow::Result<Self> {
        let manifest = relative(checkout, text(package, "manifest_path")?)?;
        let mut roots = Vec::new();
        for target in list(package, "targets")? {
            if list(target, "kind")?.iter().any(|kind| kind == "lib" || kind == "bin") {
                roots.push(relative(checkout, text(target, "src_path")?)?);
            }
        }
        let dependencies = list(package, "dependencies")?.iter().map(Dependency::read);
        Ok(Self {
            name: text(package, "name")?.to_owned(),
            folder: manifest.parent().map(Path::to_owned).unwrap_or_default(),
            roots,
            dependencies: dependencies.collect::<Result<_, _>>()?,
        })
    }
}

impl Dependency {
    fn read(dependency: &Value) -> anyhow::Result<Self> {
        let name = text(dependency, "rename").or_else(|_| text(dependency, "name"))?;
        Ok(Self { name: name.to_owned(), only_for_tests: dependency["kind"] == "dev" })
    }
}

impl Crate {
    /// Reads a crate from its root file, which is named from the checkout.
    pub(crate) fn read(checkout: &Path, root: &Path) -> anyhow::Result<Self> {
        let mut read = Self { modules: BTreeMap::new() };
        read.add_file(checkout, Vec::new(), root, true)?;
        Ok(read)
    }

    /// The declarations, imports and paths of each module.
    pub(crate) fn facts(&self) -> impl Iterator<Item = &Facts> {
        self.modules.values().map(|module| &module.facts)
    }

    fn add_file(
        &mut self,
        checkout: &Path,
        path: Vec<String>,
        file: &Path,
        is_root: bool,
    ) -> anyhow::Result<()> {
        let name = file.display();
        let text = fs::read_to_string(checkout.join(file)).with_context(|| format!("reading {name}"))?;
        let facts = scan(&text, Tests::Skipped).with_context(|| name.to_string())?;
        let folder = folder_of_children(file, is_root);
        self.add(checkout, path, file, &folder, facts)
    }

    fn add(
        &mut self,
        checkout: &Path,
        path: Vec<String>,
        file: &Path,
        folder: &Path,
        mut facts: Facts,
    ) -> anyhow::Result<()> {
        for child in &mut facts.children {
            let mut child_path = path.clone();
            child_path.push(child.name.clone());
            if let Some(facts) = child.inline.take() {
                self.add(checkout, child_path, file, &folder.join(&child.name), facts)?;
            } else {
                let file = file_of_module(checkout, folder, &child.name);
                self.add_file(checkout, child_path, &file, false)?;
            }
        }
        self.modules.insert(path, Module { file: file.to_owned(), facts });
        Ok(())
    }
}

/// The folder with the files of a module's children.
pub(crate) fn folder_of_children(file: &Path, is_root: bool) -> PathBuf {
    if is_root || file.ends_with("mod.rs") {
        file.parent().map(Path::to_owned).unwrap_or_default()
    } else {
        file.with_extension("")
    }
}

/// The file of a module: `name.rs` or `name/mod.rs` in the folder of its parent's children.
pub(crate) fn file_of_module(checkout: &Path, folder: &Path, name: &str) -> PathBuf {
    let flat = folder.join(format!("{name}.rs"));
    if checkout.join(&flat).is_file() { flat } else { folder.join(name).join("mod.rs") }
}

fn relative(checkout: &Path, path: &str) -> anyhow::Result<PathBuf> {
    let path = Path::new(path);
    Ok(path
        .strip_prefix(checkout)
        .with_context(|| format!("{} is not in the checkout", path.display()))?
        .into())
}

fn text<'a>(value: &'a Value, key: &str) -> anyhow::Result<&'a str> {
    value[key].as_str().with_context(|| format!("cargo metadata says no {key}"))
}

fn list<'a>(value: &'a Value, key: &str) -> anyhow::Result<&'a [Value]> {
    match &value[key] {
        Value::Array(list) => Ok(list),
        _ => bail!("cargo metadata says no {key}"),
    }
}
