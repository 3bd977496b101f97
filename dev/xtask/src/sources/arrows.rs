//! Which file of a crate uses which other: by `use`, and by the paths in its code.
//!
//! A name that a module only re-exports belongs to the file that defines it. So a `mod.rs` that declares modules and
//! re-exports their names does not use them. A file that imports such a name uses the file that defines it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Crate, Module};

/// The most imports that are followed one after the other. Imports in a circle do not compile, but must end here, too.
const MOST_IMPORTS: u32 = 16;

/// One file uses another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrow {
    pub(crate) from: PathBuf,
    pub(crate) to: PathBuf,
    /// The path that uses it, as it is written.
    pub(crate) by: String,
}

/// One place where a module uses something.
struct Use<'a> {
    path: &'a [String],
    /// It is a `use` of all names of a module.
    all_names: bool,
}

/// The target of a path.
enum Target {
    Module(Vec<String>),
    /// An item of this module.
    Item(Vec<String>),
}

impl Crate {
    /// All arrows, one for each pair of files.
    pub(crate) fn arrows(&self) -> Vec<Arrow> {
        let mut arrows = BTreeMap::new();
        for (path, module) in &self.modules {
            for used in module.uses() {
                if let Some(target) = self.used_module(path, &used)
                    && target.file != module.file
                {
                    arrows.entry((&module.file, &target.file)).or_insert_with(|| used.path.join("::"));
                }
            }
        }
        let arrow =
            |((from, to), by): ((&PathBuf, &PathBuf), _)| Arrow { from: from.clone(), to: to.clone(), by };
        arrows.into_iter().map(arrow).collect()
    }

    /// The module of the item that a path names. A path that names a module does not use the module yet.
    fn used_module(&self, from: &[String], used: &Use<'_>) -> Option<&Module> {
        match self.target(from, used.path, MOST_IMPORTS)? {
            Target::Item(module) => self.modules.get(&module),
            Target::Module(module) if used.all_names => self.modules.get(&module),
            Target::Module(_) => None,
        }
    }

    /// The target of a path that is written in the module `from`. Nothing for a path into another crate.
    fn target(&self, from: &[String], path: &[String], imports: u32) -> Option<Target> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.target_within(&[], rest, imports),
            "self" => self.target_within(from, rest, imports),
            "super" => self.target_within(from.split_last()?.1, rest, imports),
            name if self.knows(from, name) => self.target_within(from, path, imports),
            _ => None,
        }
    }

    /// The target of the rest of a path in a module.
    fn target_within(&self, place: &[String], path: &[String], imports: u32) -> Option<Target> {
        let Some((name, rest)) = path.split_first() else { return Some(Target::Module(place.to_vec())) };
        if name == "super" {
            return self.target_within(place.split_last()?.1, rest, imports);
        }
        let facts = &self.modules.get(place)?.facts;
        let import = facts.imports.iter().find(|import| import.name == *name);
        // A function can have the name of the module that it comes from. At the end of a path it is the function.
        if let Some(child) = self.child(place, name)
            && (import.is_none() || !rest.is_empty())
        {
            return self.target_within(&child, rest, imports);
        }
        if facts.definitions.contains(name) {
            return Some(Target::Item(place.to_vec()));
        }
        if let Some(import) = import {
            let path: Vec<String> = import.path.iter().chain(rest).cloned().collect();
            return self.target(place, &path, imports.checked_sub(1)?);
        }
        let source = facts.imports.iter().filter(|import| import.name == "*").find_map(|import| {
            match self.target(place, &import.path, imports.checked_sub(1)?)? {
                Target::Module(source) if self.knows(&source, name) => Some(source),
                _ => None,
            }
        });
        match source {
            Some(source) => self.target_within(&source, path, imports.checked_sub(1)?),
            None => Some(Target::Item(self.owner_of_exported_macro(place, name))),
        }
    }

    /// Whether a module has a name by itself, and not by a `use` of all names.
    fn knows(&self, place: &[String], name: &str) -> bool {
        self.child(place, name).is_some()
            || self.modules.get(place).is_some_and(|Module { facts, .. }| {
                facts.definitions.contains(name) || facts.imports.iter().any(|import| import.name == name)
            })
    }

    /// The module of a name in `place`. A macro that any module exports has a path in the root.
    fn owner_of_exported_macro(&self, place: &[String], name: &str) -> Vec<String> {
        let exports = |module: &Module| place.is_empty() && module.facts.exported_macros.contains(name);
        let owner = self.modules.iter().find(|(_, module)| exports(module));
        owner.map_or_else(|| place.to_vec(), |(owner, _)| owner.clone())
    }

    fn child(&self, place: &[String], name: &str) -> Option<Vec<String>> {
        let mut child = place.to_vec();
        child.push(name.to_owned());
        self.modules.contains_key(&child).then_some(child)
    }
}

impl Module {
    /// All that it uses: its imports except re-exports, and the paths in its code.
    fn uses(&self) -> impl Iterator<Item = Use<'_>> {
        let imports = self.facts.imports.iter().filter(|import| !import.reexported);
        let paths = self.facts.paths.iter().filter(|path| path.len() > 1 || self.reexports(&path[0]));
        imports
            .map(|import| Use { path: &import.path, all_names: import.name == "*" })
            .chain(paths.map(|path| Use { path, all_names: false }))
    }

    fn reexports(&self, name: &str) -> bool {
        self.facts.imports.iter().any(|import| import.reexported && import.name == name)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The arrows of a crate with these files in its `src/`, as `from to`.
    fn arrows(files: &[(&str, &str)]) -> Vec<String> {
        let checkout = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = checkout.path().join("src").join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let read = Crate::read(checkout.path(), Path::new("src/lib.rs")).unwrap();
        let name = |path: &Path| path.strip_prefix("src").unwrap().display().to_string();
        read.arrows().iter().map(|arrow| format!("{} {}", name(&arrow.from), name(&arrow.to))).collect()
    }

    #[test]
    fn imports_and_paths_are_arrows() {
        let found = arrows(&[
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "fn f() { super::c::g() }"),
            ("c.rs", "use crate::d; fn g() { vec![d::D] }"),
            ("d.rs", "use std::fmt; use serde::Serialize; use crate::a::*; fn h() { fmt::format() }"),
        ]);
        assert_eq!(found, ["a.rs b.rs", "b.rs c.rs", "c.rs d.rs", "d.rs a.rs"]);
    }

    #[test]
    fn a_module_that_declares_and_reexports_uses_nothing() {
        let found = arrows(&[
            ("lib.rs", "mod shop; mod till;"),
            ("shop/mod.rs", "mod item; mod price; pub use item::Item; pub(crate) use price::*;"),
            ("shop/item.rs", "use super::Price; pub struct Item;"),
            ("shop/price.rs", "pub struct Price;"),
            ("till.rs", "use crate::shop::{Item, Price};"),
        ]);
        assert_eq!(found, ["shop/item.rs shop/price.rs", "till.rs shop/item.rs", "till.rs shop/price.rs"]);
    }

    #[test]
    fn a_function_can_have_the_name_of_its_module() {
        let found = arrows(&[
            ("lib.rs", "mod shop; mod till;"),
            ("shop/mod.rs", "mod pick; pub use pick::pick; pub use std::fmt;"),
            ("shop/pick.rs", "pub fn pick() {}"),
            ("till.rs", "use crate::shop::{fmt, pick};"),
        ]);
        assert_eq!(found, ["till.rs shop/pick.rs"]);
    }

    #[test]
    fn a_parent_and_its_child_can_use_each_other() {
        let found = arrows(&[
            ("lib.rs", "mod shop;"),
            ("shop/mod.rs", "mod item; pub use item::Item; struct Shop(Item);"),
            ("shop/item.rs", "use super::Shop; pub struct Item;"),
        ]);
        assert_eq!(found, ["shop/item.rs shop/mod.rs", "shop/mod.rs shop/item.rs"]);
    }

    #[test]
    fn code_for_tests_is_no_arrow() {
        let found = arrows(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "pub struct A;"),
            ("b.rs", "#[cfg(test)] mod tests { use crate::a::A; }"),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn an_exported_macro_belongs_to_its_file() {
        let found = arrows(&[
            ("lib.rs", "mod a; mod b; pub use a::A;"),
            ("a.rs", "#[macro_export] macro_rules! list { () => {} } pub struct A;"),
            ("b.rs", "fn f() { crate::list!() }"),
        ]);
        assert_eq!(found, ["b.rs a.rs"]);
    }

    #[test]
    fn modules_in_a_file_belong_to_it() {
        let found = arrows(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "pub mod inner { use super::super::b::B; } fn f() { inner::g() }"),
            ("b.rs", "pub struct B;"),
        ]);
        assert_eq!(found, ["a.rs b.rs"]);
    }
}
