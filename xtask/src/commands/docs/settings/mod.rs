//! docs/settings.md: every setting of every process, read off the types that the settings are read into.
//!
//! The sources are parsed, not linked: no type needs a derive for this, and xtask is built without the
//! services. Whatever is not understood fails with its place; nothing is left out in silence.
//!
//! | module | owns |
//! |---|---|
//! | [`sources`] | the workspace's modules, and what a path in one of them means |
//! | [`attributes`] | documentation, and what serde is told |
//! | [`kinds`] | what a field's type accepts |
//! | [`rules`] | what garde demands beyond the type |
//! | [`values`] | the value of an expression that gives a default |
//! | [`defaults`] | what `Default` gives |
//! | [`sections`] | a struct as a section of keys, put together from all of these |
//! | [`page`] | the Markdown |

mod attributes;
mod defaults;
mod kinds;
mod page;
mod rules;
mod sections;
mod sources;
#[cfg(test)]
mod tests;
mod values;

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use stack::SERVICES;
use syn::{Item, ItemStruct};

use kinds::Kind;
use page::Process;
use sections::{Key, Section};
use sources::{Place, Sources, words_of_type};

/// Where a process takes its settings apart: the struct of every section that all processes have.
const HOST: (&str, &str, &str) = ("service-host", "start", "AllSettings");

pub(super) fn generate(checkout: &Path) -> anyhow::Result<String> {
    let sources = Sources::new(checkout);
    let common = common(&sources)?;
    let processes = SERVICES
        .iter()
        .map(|service| {
            let root = find_struct(&sources, service.name, &["settings", "Settings"])?;
            Ok(Process { name: service.name, settings: Section::read(&sources, &root)? })
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    Ok(page::write(&common, &processes))
}

/// The sections that service-host takes out of the settings of every process.
fn common(sources: &Sources) -> anyhow::Result<Section> {
    let (package, module, name) = HOST;
    let host = find_struct(sources, package, &[module, name])?;
    let generics: Vec<_> = host.item.generics.type_params().map(|param| param.ident.to_string()).collect();
    let mut keys = Vec::new();
    for field in &host.item.fields {
        let of_one_service = words_of_type(&field.ty).is_some_and(|words| generics.contains(&words[0]));
        if of_one_service {
            continue;
        }
        let ident = field.ident.as_ref().context("a struct whose fields have no names")?;
        let Kind::Section(place) = Kind::of(sources, &host.module, &field.ty)? else {
            bail!("{host}.{ident} is not a section");
        };
        let name = attributes::kebab(&ident.to_string());
        let taken = format!("take_section(\"{name}\")");
        ensure!(sources.text(&host.module)?.contains(&taken), "{host}.{ident} is not taken by `{taken}`");
        keys.push(Key::of_section(name, Section::read(sources, &place)?));
    }
    Ok(Section::of_keys(&host, keys))
}

fn find_struct(sources: &Sources, package: &str, path: &[&str]) -> anyhow::Result<Place> {
    let root = sources.package(package)?.with_context(|| format!("there is no package {package}"))?;
    let path: Vec<String> = path.iter().map(ToString::to_string).collect();
    match sources.find(&root, &path)? {
        Some((module, Item::Struct(item))) => Ok(Place { module, item }),
        _ => bail!("{package} has no struct {}", path.join("::")),
    }
}

/// A struct's fields are named in the order of the file, which is the order of the page.
fn named_fields(item: &ItemStruct) -> impl Iterator<Item = (String, &syn::Field)> {
    item.fields.iter().filter_map(|field| Some((field.ident.as_ref()?.to_string(), field)))
}
