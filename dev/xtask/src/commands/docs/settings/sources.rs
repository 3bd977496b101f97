//! The modules of the workspace, and what a path in one of them means.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Context as _;
use syn::{Expr, ImplItem, ImplItemFn, Item, ItemImpl, ItemStruct, ItemUse, Type, UseTree};

use crate::sources::{file_of_module, folder_of_children};

/// The workspace.
pub(super) struct Sources {
    checkout: PathBuf,
}

/// A file of the workspace.
#[derive(Clone)]
pub(super) struct Module {
    /// The folder of its package, from the checkout.
    package: PathBuf,
    /// From the checkout.
    file: PathBuf,
    items: Rc<[Item]>,
}

/// A struct and its module.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) module: Module,
    pub(super) item: ItemStruct,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.module.file.display(), self.item.ident)
    }
}

impl Sources {
    pub(super) fn new(checkout: &Path) -> Self {
        Self { checkout: checkout.to_owned() }
    }

    /// The root module of a package, by its name or by its name in code.
    pub(super) fn package(&self, name: &str) -> anyhow::Result<Option<Module>> {
        let folder = name.replace('_', "-");
        let places = [PathBuf::from(&folder), Path::new("crates").join(&folder)];
        match places.into_iter().find(|place| self.checkout.join(place).join("Cargo.toml").is_file()) {
            Some(package) => self.module(&package, &package.join("src/lib.rs")).map(Some),
            None => Ok(None),
        }
    }

    /// The text of a module.
    pub(super) fn text(&self, module: &Module) -> anyhow::Result<String> {
        self.read(&module.file)
    }

    /// The item that a path means in `module`, through its imports. `None` for items of the standard library and of
    /// dependencies.
    pub(super) fn find(&self, module: &Module, path: &[String]) -> anyhow::Result<Option<(Module, Item)>> {
        if let Some(found) = self.find_without_imports(module, path)? {
            return Ok(Some(found));
        }
        let Some((first, rest)) = path.split_first() else { return Ok(None) };
        let Some(mut imported) = module.import(first) else { return Ok(None) };
        imported.extend_from_slice(rest);
        self.find_without_imports(module, &imported)
    }

    fn find_without_imports(
        &self,
        module: &Module,
        path: &[String],
    ) -> anyhow::Result<Option<(Module, Item)>> {
        let [first, rest @ ..] = path else { return Ok(None) };
        if rest.is_empty() {
            return Ok(module.item(first).map(|item| (module.clone(), item.clone())));
        }
        let next = match first.as_str() {
            "crate" => Some(self.module(&module.package, &module.package.join("src/lib.rs"))?),
            "self" => Some(module.clone()),
            child if module.declares(child) => Some(self.child(module, child)?),
            other => self.package(other)?,
        };
        next.map_or(Ok(None), |next| self.find(&next, rest))
    }

    fn child(&self, module: &Module, name: &str) -> anyhow::Result<Module> {
        let folder = folder_of_children(&module.file, module.file.ends_with("lib.rs"));
        self.module(&module.package, &file_of_module(&self.checkout, &folder, name))
    }

    fn module(&self, package: &Path, file: &Path) -> anyhow::Result<Module> {
        let parsed =
            syn::parse_file(&self.read(file)?).with_context(|| format!("{} is not Rust", file.display()))?;
        Ok(Module { package: package.to_owned(), file: file.to_owned(), items: parsed.items.into() })
    }

    fn read(&self, file: &Path) -> anyhow::Result<String> {
        fs::read_to_string(self.checkout.join(file)).with_context(|| format!("reading {}", file.display()))
    }
}

impl Module {
    /// The function of a type with this name: its own, or that of a trait.
    pub(super) fn function_of(&self, owner: &str, of: Option<&str>, name: &str) -> Option<&ImplItemFn> {
        self.impls(owner, of).flat_map(|block| &block.items).find_map(|item| match item {
            ImplItem::Fn(function) if function.sig.ident == name => Some(function),
            _ => None,
        })
    }

    /// The constant of a type with this name.
    pub(super) fn constant_of(&self, owner: &str, name: &str) -> Option<&Expr> {
        self.impls(owner, None).flat_map(|block| &block.items).find_map(|item| match item {
            ImplItem::Const(constant) if constant.ident == name => Some(&constant.expr),
            _ => None,
        })
    }

    fn impls(&self, owner: &str, of: Option<&str>) -> impl Iterator<Item = &ItemImpl> {
        self.items.iter().filter_map(move |item| match item {
            Item::Impl(block) if belongs(block, owner, of) => Some(block),
            _ => None,
        })
    }

    fn item(&self, name: &str) -> Option<&Item> {
        self.items.iter().find(|item| match item {
            Item::Struct(item) => item.ident == name,
            Item::Enum(item) => item.ident == name,
            Item::Const(item) => item.ident == name,
            Item::Fn(item) => item.sig.ident == name,
            _ => false,
        })
    }

    fn declares(&self, child: &str) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Mod(module) if module.ident == child))
    }

    /// The path by which a name was imported.
    fn import(&self, name: &str) -> Option<Vec<String>> {
        self.items.iter().find_map(|item| match item {
            Item::Use(ItemUse { tree, .. }) => imported(tree, name),
            _ => None,
        })
    }
}

fn belongs(block: &ItemImpl, owner: &str, of: Option<&str>) -> bool {
    let of_trait = block.trait_.as_ref().and_then(|(path, _)| words_of_path(path).pop());
    words_of_type(&block.self_ty).is_some_and(|words| words == [owner]) && of_trait.as_deref() == of
}

fn imported(tree: &UseTree, name: &str) -> Option<Vec<String>> {
    match tree {
        // `use crate::settings::{self, …}`
        UseTree::Path(path) if path.ident == name && imports_itself(&path.tree) => {
            Some(vec![name.to_owned()])
        }
        UseTree::Path(path) => {
            let mut rest = imported(&path.tree, name)?;
            rest.insert(0, path.ident.to_string());
            Some(rest)
        }
        UseTree::Name(last) if last.ident == name => Some(vec![name.to_owned()]),
        UseTree::Rename(last) if last.rename == name => Some(vec![last.ident.to_string()]),
        UseTree::Group(group) => group.items.iter().find_map(|tree| imported(tree, name)),
        _ => None,
    }
}

fn imports_itself(tree: &UseTree) -> bool {
    match tree {
        UseTree::Name(last) => last.ident == "self",
        UseTree::Group(group) => group.items.iter().any(imports_itself),
        _ => false,
    }
}

/// The segments of a path, without generic arguments.
pub(super) fn words_of_path(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

/// The segments of a type that is a path.
pub(super) fn words_of_type(ty: &Type) -> Option<Vec<String>> {
    match ty {
        Type::Path(path) if path.qself.is_none() => Some(words_of_path(&path.path)),
        _ => None,
    }
}

/// The fields with their names, in the order of the file, which is the order on the page.
pub(super) fn named_fields(item: &ItemStruct) -> impl Iterator<Item = (String, &syn::Field)> {
    item.fields.iter().filter_map(|field| Some((field.ident.as_ref()?.to_string(), field)))
}
