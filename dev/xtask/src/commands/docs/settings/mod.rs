//! docs/settings.md: every setting of every process, from the types that the settings are deserialised into.
//!
//! The sources are parsed, not linked: no type needs a derive for this, and xtask is built without the services. What the
//! generator does not understand is an error that names its place. Nothing is left out silently.
//!
//! | module | owns |
//! |---|---|
//! | [`sources`] | the modules of the workspace, and what a path in one of them means |
//! | [`attributes`] | documentation, and the attributes for serde |
//! | [`kinds`] | the values that the type of a field accepts |
//! | [`rules`] | the rules of garde |
//! | [`values`] | the value of an expression that gives a default |
//! | [`defaults`] | the values of `Default` |
//! | [`sections`] | a struct as a section of keys |
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
use syn::Item;

use kinds::{Kind, is_live};
use page::Process;
use sections::{Key, Section};
use sources::{Place, Sources, words_of_type};

/// The package, the module and the struct with the sections that all processes have.
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

/// The sections that all processes have.
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
        keys.push(Key::of_section(name, Section::read(sources, &place)?, is_live(&field.ty)));
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
