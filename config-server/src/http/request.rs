//! What a path asks for.

use garde::Validate;
use problem::{Code, Problem};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::environment::{Query, Rendering};
use crate::names::NameError;

/// The parameters of the query string.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Parameters {
    /// Whether placeholders are filled in, in renderings and plain files.
    #[serde(default = "Flag::on")]
    #[garde(skip)]
    #[param(value_type = bool, default = true)]
    pub(crate) resolve_placeholders: Flag,
    /// Asks for a plain file without a label: `/{application}/{profiles}/{path}?useDefaultLabel`.
    #[garde(skip)]
    #[param(value_type = Option<String>)]
    pub(crate) use_default_label: Option<String>,
}

/// A truth value, in the words that Spring reads.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) struct Flag(pub(crate) bool);

impl Flag {
    fn on() -> Self {
        Self(true)
    }
}

impl TryFrom<String> for Flag {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "on" | "yes" | "1" | "" => Ok(Self(true)),
            "false" | "off" | "no" | "0" => Ok(Self(false)),
            _ => Err("must be true or false"),
        }
    }
}

/// The name of a rendering: `{application}-{profiles}.yml`. No profile can have a hyphen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RenderedName<'path> {
    pub(crate) application: &'path str,
    pub(crate) profiles: &'path str,
    pub(crate) rendering: Rendering,
}

impl<'path> RenderedName<'path> {
    /// Reads the last segment of a path. `None` if it does not name a rendering.
    pub(crate) fn parse(segment: &'path str) -> Option<Self> {
        let (name, extension) = segment.rsplit_once('.')?;
        let (application, profiles) = name.rsplit_once('-')?;
        let is_complete = !application.is_empty() && !profiles.is_empty();
        Some(Self { application, profiles, rendering: Rendering::of_extension(extension)? })
            .filter(|_| is_complete)
    }
}

/// Whether a segment can't be a list of profiles, because Spring takes it for the name of a file.
pub(crate) fn looks_like_file(segment: &str) -> bool {
    [".yml", ".yaml", ".properties", ".json"].into_iter().any(|extension| {
        segment.match_indices(extension).any(|(start, _)| {
            let is_word = |char: char| char.is_alphanumeric() || char == '_';
            segment[..start].ends_with(is_word) && !segment[start + extension.len()..].starts_with(is_word)
        })
    })
}

/// Reads the names of a request. As in Spring, the text after a semicolon is not a part of a name.
pub(crate) fn query(application: &str, profiles: &str, label: Option<&str>) -> Result<Query, Problem> {
    let query = Query::new(
        without_parameters(application),
        without_parameters(profiles),
        label.map(without_parameters),
    );
    query
        .map_err(|error: NameError| Problem::new(Code::InvalidParameter).detail(format!("the path: {error}")))
}

fn without_parameters(segment: &str) -> &str {
    segment.split(';').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rendering_has_a_hyphen_and_an_extension() {
        let parsed = RenderedName::parse("foo-bar-dev,eu.yaml").unwrap();

        assert_eq!(
            (parsed.application, parsed.profiles, parsed.rendering),
            ("foo-bar", "dev,eu", Rendering::Yaml)
        );
        for other in ["foo.json", "foo-dev", "foo-dev.xml", "-dev.yml", "foo-.yml"] {
            assert_eq!(RenderedName::parse(other), None, "{other}");
        }
    }

    #[test]
    fn profiles_do_not_look_like_files() {
        for file in ["default.json", "a-b.yml", "a.yaml-x"] {
            assert!(looks_like_file(file), "{file}");
        }
        for profiles in ["dev", "v1.2", "a.yamlx", ".json", "-.json"] {
            assert!(!looks_like_file(profiles), "{profiles}");
        }
    }
}
