//! The renderings of an environment: one text with all settings, in the form of a settings file.

use thiserror::Error;

use super::answer::Source;
use super::merged::merge;
use super::nested::{Map, Nested, NestingError, nest};
use super::placeholders::{PlaceholderError, Resolver};
use super::yaml_text::{write_document, write_map};
use crate::format::Scalar;

/// The key of a document that is no map.
const DOCUMENT: &str = "document";

/// The form of a rendering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rendering {
    Yaml,
    Json,
    Properties,
}

/// Why an environment can't be rendered.
#[derive(Debug, Error)]
pub(crate) enum RenderingError {
    #[error("the keys can't be put into maps and lists")]
    Nesting(#[from] NestingError),
    #[error("the placeholders can't be resolved")]
    Placeholder(#[from] PlaceholderError),
    #[error("the settings can't be written as JSON")]
    Json(#[from] serde_json::Error),
}

impl RenderingError {
    /// Whether another form could be served. Spring answers 400 then.
    pub(crate) fn is_by_form(&self) -> bool {
        !matches!(self, Self::Nesting(NestingError::Conflict(_)) | Self::Json(_))
    }
}

impl Rendering {
    /// The form with this file extension.
    pub(crate) fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "yml" | "yaml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            "properties" => Some(Self::Properties),
            _ => None,
        }
    }

    /// Renders the sources of an environment.
    pub(crate) fn render(
        self,
        sources: &[Source],
        resolves_placeholders: bool,
    ) -> Result<String, RenderingError> {
        let merged = merge(sources);
        let mut resolver = Resolver::new(sources);
        if self == Self::Properties {
            let lines: Vec<String> = merged.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            let text = lines.join("\n");
            return Ok(if resolves_placeholders { resolver.resolve_text(&text)? } else { text });
        }
        let mut map = nest(merged)?;
        if resolves_placeholders {
            resolve_map(&mut map, &mut resolver)?;
        }
        if self == Self::Json {
            return Ok(serde_json::to_string(&map)?);
        }
        Ok(match map.get(DOCUMENT) {
            Some(value) if map.len() == 1 => write_document(value),
            _ => write_map(&map),
        })
    }
}

fn resolve_map(map: &mut Map, resolver: &mut Resolver<'_>) -> Result<(), PlaceholderError> {
    map.values_mut().try_for_each(|value| resolve(value, resolver))
}

fn resolve(value: &mut Nested, resolver: &mut Resolver<'_>) -> Result<(), PlaceholderError> {
    match value {
        Nested::Value(Scalar::Text(text)) => *text = resolver.resolve_value(text)?,
        Nested::Null | Nested::Value(_) => {}
        Nested::List(list) => list.iter_mut().try_for_each(|item| resolve(item, resolver))?,
        Nested::Map(map) => resolve_map(map, resolver)?,
    }
    Ok(())
}

/// Resolves the placeholders in a plain file.
pub(crate) fn fill_in(sources: &[Source], text: &str) -> Result<String, RenderingError> {
    Ok(Resolver::new(sources).resolve_text(text)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::environment::answer::Served;

    fn source(entries: Vec<(String, String)>) -> Source {
        let served = |text| Served { value: Scalar::Text(text), origin: None };
        Source {
            name: "x".to_owned(),
            source: entries.into_iter().map(|(key, text)| (key, served(text))).collect(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        /// Every key and value can be rendered or is refused. What is rendered as JSON is JSON.
        #[test]
        fn any_settings_are_rendered_or_refused(
            entries in proptest::collection::vec(("[ab.\\[\\]0-2]{0,8}", "([ab:{}$ \\\\\n]|\\$\\{a|\\$\\{b){0,12}"), 0..6),
        ) {
            let sources = [source(entries)];
            for resolves_placeholders in [true, false] {
                for rendering in [Rendering::Yaml, Rendering::Properties] {
                    let _ = rendering.render(&sources, resolves_placeholders);
                }
                if let Ok(json) = Rendering::Json.render(&sources, resolves_placeholders) {
                    prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{}", json);
                }
            }
        }

        /// A YAML rendering reads back as the same text.
        #[test]
        fn any_text_survives_a_yaml_rendering(text in "([a-z0-9:#'\"?!&*|>%@`,\\[\\]{}~=<. \n\té🍰-]){0,12}") {
            let yaml = Rendering::Yaml.render(&[source(vec![("k".to_owned(), text.clone())])], false).unwrap();

            let documents = crate::format::Format::Yaml.read(yaml.as_bytes());

            let read = documents.unwrap().remove(0).entries["k"].value.to_string();
            prop_assert_eq!(read, text, "{}", yaml);
        }
    }
}
