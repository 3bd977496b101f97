//! Every dependency in a Cargo.toml is used.
//!
//! This check takes a few seconds. cargo-machete or cargo-shear would have to be built first, which takes longer than all
//! other checks.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::files::tracked_files;
use crate::sources::{self, Crate, Facts, Package, Tests, scan};

/// The first names of all paths in a package.
#[derive(Default)]
struct Names {
    /// In the library and the programs.
    production: BTreeSet<String>,
    /// In tests, examples and benchmarks as well.
    all: BTreeSet<String>,
}

/// The dependencies that nothing uses, as `package: dependency`.
pub(super) fn unused(checkout: &Path) -> anyhow::Result<Vec<String>> {
    let files = tracked_files(checkout)?;
    let packages = sources::packages(checkout)?;
    let mut unused = Vec::new();
    for package in &packages {
        let names = Names::read(checkout, package, &files)?;
        unused.extend(names.unused_of(package));
    }
    let manifest = fs::read_to_string(checkout.join("Cargo.toml")).context("reading Cargo.toml")?;
    let used: BTreeSet<&str> = packages
        .iter()
        .flat_map(|package| package.dependencies.iter().map(|dependency| dependency.name.as_str()))
        .collect();
    let of_workspace = workspace_dependencies(&manifest).filter(|name| !used.contains(name));
    unused.extend(of_workspace.map(|name| format!("Cargo.toml: no package depends on {name}")));
    Ok(unused)
}

impl Names {
    fn read(checkout: &Path, package: &Package, files: &[String]) -> anyhow::Result<Self> {
        let mut names = Self::default();
        for root in &package.roots {
            for facts in Crate::read(checkout, root)?.facts() {
                first_names(facts, &mut names.production);
            }
        }
        for file in files.iter().map(Path::new) {
            let is_rust = file.extension().is_some_and(|extension| extension == "rs");
            if is_rust
                && file.starts_with(&package.folder)
                // A file that was deleted and is not committed yet names nothing.
                && let Ok(text) = fs::read_to_string(checkout.join(file))
            {
                names.add_all(&text).with_context(|| file.display().to_string())?;
            }
        }
        Ok(names)
    }

    /// Adds the names in a file, with those in the examples of its documentation.
    fn add_all(&mut self, text: &str) -> anyhow::Result<()> {
        first_names(&scan(text, Tests::Read)?, &mut self.all);
        let documentation = text.lines().filter(|line| line.trim_start().starts_with("//"));
        for words in documentation.flat_map(|line| line.split("::")) {
            let name = words.rsplit(|char: char| !char.is_alphanumeric() && char != '_').next();
            self.all.extend(name.map(str::to_owned));
        }
        Ok(())
    }

    fn unused_of(&self, package: &Package) -> Vec<String> {
        let mut unused = Vec::new();
        for dependency in &package.dependencies {
            let name = dependency.name.replace('-', "_");
            if !self.all.contains(&name) {
                unused.push(format!("{}: {} is not used", package.name, dependency.name));
            } else if !dependency.only_for_tests && !self.production.contains(&name) {
                unused.push(format!("{}: {} is used by tests only", package.name, dependency.name));
            }
        }
        unused
    }
}

fn first_names(facts: &Facts, names: &mut BTreeSet<String>) {
    let imports = facts.imports.iter().filter_map(|import| import.path.first());
    let paths = facts.paths.iter().filter(|path| path.len() > 1).filter_map(|path| path.first());
    names.extend(imports.chain(paths).cloned());
    for inline in facts.children.iter().filter_map(|child| child.inline.as_ref()) {
        first_names(inline, names);
    }
}

/// The names under `[workspace.dependencies]`.
fn workspace_dependencies(manifest: &str) -> impl Iterator<Item = &str> {
    let section = manifest.lines().skip_while(|line| *line != "[workspace.dependencies]").skip(1);
    section
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('=').map(|(name, _)| name.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::Dependency;

    /// The findings for a package that depends on `tower-http` and, for tests, on `tempfile`.
    fn unused(production: &str, tests: &str) -> Vec<String> {
        let dependency = |name: &str, only_for_tests| Dependency { name: name.to_owned(), only_for_tests };
        let package = Package {
            name: "shop".to_owned(),
            folder: "shop".into(),
            roots: Vec::new(),
            dependencies: vec![dependency("tower-http", false), dependency("tempfile", true)],
        };
        let mut names = Names::default();
        first_names(&scan(production, Tests::Skipped).unwrap(), &mut names.production);
        names.add_all(production).unwrap();
        names.add_all(tests).unwrap();
        names.unused_of(&package)
    }

    #[test]
    fn what_nobody_names_is_unused() {
        assert_eq!(unused("use tower_http::Trace;", "tempfile::tempdir();"), [""; 0]);
        assert_eq!(unused("", "tempfile::tempdir();"), ["shop: tower-http is not used"]);
        assert_eq!(unused("#[tower_http::main] fn main() {}", ""), ["shop: tempfile is not used"]);
    }

    #[test]
    fn examples_in_documentation_are_tests() {
        assert_eq!(unused("use tower_http::A;\n//! let file = tempfile::tempdir();\n", ""), [""; 0]);
    }

    #[test]
    fn a_package_that_only_tests_name_is_no_dependency_of_production() {
        let said = ["shop: tower-http is used by tests only"];
        assert_eq!(unused("#[cfg(test)] mod tests { use tower_http::X; use tempfile::Y; }", ""), said);
        assert_eq!(unused("", "use tower_http::X; use tempfile::Y;"), said);
    }

    #[test]
    fn the_dependencies_of_the_workspace_are_read() {
        let manifest = "[workspace]\nresolver = \"3\"\n[workspace.dependencies]\n# ours\naccess = { path = \"x\" }\n\
                        hyper-util = \"1\"\n\n[workspace.lints.rust]\nmissing_docs = \"warn\"\n";
        assert_eq!(workspace_dependencies(manifest).collect::<Vec<_>>(), ["access", "hyper-util"]);
    }
}
