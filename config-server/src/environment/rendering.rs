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
