//! Documentation, and what serde is told.

use anyhow::{bail, ensure};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Lit, Meta, Token, Variant};

use super::sources::words_of_path;

/// What serde is told of a struct or an enum.
#[derive(Debug)]
pub(super) struct Container {
    /// How names are changed: `kebab-case`.
    rename_all: Option<String>,
    denies_unknown_fields: bool,
    /// Fields that are missing are taken from the struct's `Default`.
    pub(super) has_default: bool,
    /// The type that a value is read as before it is made into this one.
    pub(super) read_as: Option<String>,
}

/// What serde is told of a field.
#[derive(Debug, Default)]
pub(super) struct Field {
    pub(super) skipped: bool,
    pub(super) rename: Option<String>,
    pub(super) default: Option<FieldDefault>,
}

/// Where a field's value is from when it is missing.
#[derive(Debug)]
pub(super) enum FieldDefault {
    /// The type's `Default`.
    OfType,
    /// A function.
    Function(Vec<String>),
}

impl Container {
    pub(super) fn read(attributes: &[Attribute]) -> anyhow::Result<Self> {
        let mut told =
            Self { rename_all: None, denies_unknown_fields: false, has_default: false, read_as: None };
        for argument in arguments(attributes, "serde")? {
            match (name(&argument).as_str(), &argument) {
                ("rename_all", _) => told.rename_all = Some(text(&argument)?),
                ("try_from" | "from", _) => told.read_as = Some(text(&argument)?),
                ("deny_unknown_fields", Meta::Path(_)) => told.denies_unknown_fields = true,
                ("default", Meta::Path(_)) => told.has_default = true,
                ("transparent", Meta::Path(_)) => {}
                (other, _) => bail!("serde({other}) is not understood here"),
            }
        }
        Ok(told)
    }

    /// A section's keys are written alike everywhere, and one that is misspelt is refused.
    pub(super) fn ensure_strict(&self) -> anyhow::Result<()> {
        ensure!(
            self.rename_all.as_deref() == Some("kebab-case") && self.denies_unknown_fields,
            "a section needs serde(rename_all = \"kebab-case\", deny_unknown_fields)"
        );
        Ok(())
    }

    /// How a variant is written.
    pub(super) fn variant_name(&self, variant: &Variant) -> anyhow::Result<String> {
        if let Some(rename) = Field::read(&variant.attrs)?.rename {
            return Ok(rename);
        }
        let ident = variant.ident.to_string();
        Ok(match self.rename_all.as_deref() {
            None => ident,
            Some("lowercase") => ident.to_lowercase(),
            Some("UPPERCASE") => ident.to_uppercase(),
            Some("kebab-case") => words_of_variant(&ident).join("-"),
            Some("snake_case") => words_of_variant(&ident).join("_"),
            Some("SCREAMING_SNAKE_CASE") => words_of_variant(&ident).join("_").to_uppercase(),
            Some(other) => bail!("serde(rename_all = \"{other}\") is not understood"),
        })
    }
}

impl Field {
    pub(super) fn read(attributes: &[Attribute]) -> anyhow::Result<Self> {
        ensure!(!has(attributes, "cfg"), "a setting that only some builds have is not understood");
        let mut told = Self::default();
        for argument in arguments(attributes, "serde")? {
            match (name(&argument).as_str(), &argument) {
                ("skip", Meta::Path(_)) => told.skipped = true,
                ("rename", _) => told.rename = Some(text(&argument)?),
                ("default", Meta::Path(_)) => told.default = Some(FieldDefault::OfType),
                ("default", _) => {
                    let path: syn::Path = syn::parse_str(&text(&argument)?)?;
                    told.default = Some(FieldDefault::Function(words_of_path(&path)));
                }
                (other, _) => bail!("serde({other}) is not understood here"),
            }
        }
        Ok(told)
    }
}

/// What stands between the brackets of all attributes of that name.
pub(super) fn arguments(attributes: &[Attribute], of: &str) -> anyhow::Result<Vec<Meta>> {
    let mut all = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(of)) {
        all.extend(attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)?);
    }
    Ok(all)
}

/// Whether there is an attribute of that name.
pub(super) fn has(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident(name))
}

/// Whether a trait is derived.
pub(super) fn derives(attributes: &[Attribute], derived: &str) -> anyhow::Result<bool> {
    let all = arguments(attributes, "derive")?;
    Ok(all.iter().any(|argument| name(argument) == derived))
}

/// The last word of an argument's path.
pub(super) fn name(argument: &Meta) -> String {
    words_of_path(argument.path()).pop().unwrap_or_default()
}

/// The documentation of something, each paragraph in one line.
pub(super) fn documentation(attributes: &[Attribute]) -> anyhow::Result<Vec<String>> {
    let mut paragraphs = vec![String::new()];
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        let line = text(&attribute.meta)?;
        match (line.trim(), paragraphs.last_mut()) {
            ("", _) | (_, None) => paragraphs.push(String::new()),
            (line, Some(paragraph)) if paragraph.is_empty() => paragraph.push_str(line),
            (line, Some(paragraph)) => {
                paragraph.push(' ');
                paragraph.push_str(line);
            }
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    ensure!(!paragraphs.is_empty(), "it has no documentation");
    // Links lead from one item of the code to another one, which means nothing on the page.
    paragraphs.iter().try_for_each(|paragraph| {
        ensure!(!paragraph.contains("]("), "a link with a target of its own is not understood");
        Ok(())
    })?;
    Ok(paragraphs.into_iter().map(|paragraph| paragraph.replace("[`", "`").replace("`]", "`")).collect())
}

/// `max_connections` as it is written in a file.
pub(super) fn kebab(field: &str) -> String {
    field.trim_start_matches("r#").replace('_', "-")
}

fn text(argument: &Meta) -> anyhow::Result<String> {
    if let Meta::NameValue(pair) = argument
        && let Expr::Lit(literal) = &pair.value
        && let Lit::Str(text) = &literal.lit
    {
        return Ok(text.value());
    }
    bail!("`{}` is not followed by `= \"…\"`", name(argument))
}

fn words_of_variant(ident: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for char in ident.chars() {
        match words.last_mut() {
            Some(word) if !char.is_uppercase() => word.push(char),
            _ => words.push(char.to_lowercase().to_string()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use syn::{ItemEnum, ItemStruct};

    use super::*;

    #[test]
    fn documentation_is_joined_to_paragraphs_and_loses_its_links() {
        let item: ItemStruct =
            syn::parse_str("/// One\n/// line, see [`Other`].\n///\n/// Two.\nstruct A;").unwrap();

        assert_eq!(documentation(&item.attrs).unwrap(), ["One line, see `Other`.", "Two."]);
    }

    #[test]
    fn variants_are_written_as_serde_reads_them() {
        let written = |rule: &str| {
            let text = format!(
                "#[serde(rename_all = \"{rule}\")] enum E {{ TopMost, #[serde(rename = \"x\")] Other }}"
            );
            let item: ItemEnum = syn::parse_str(&text).unwrap();
            let container = Container::read(&item.attrs).unwrap();
            item.variants.iter().map(|variant| container.variant_name(variant).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(written("kebab-case"), ["top-most", "x"]);
        assert_eq!(written("SCREAMING_SNAKE_CASE"), ["TOP_MOST", "x"]);
        assert_eq!(written("lowercase"), ["topmost", "x"]);
    }

    #[test]
    fn what_serde_does_otherwise_is_refused() {
        let item: ItemStruct = syn::parse_str("struct A { #[serde(flatten)] b: B }").unwrap();
        let field = item.fields.iter().next().unwrap();

        assert_eq!(
            Field::read(&field.attrs).unwrap_err().to_string(),
            "serde(flatten) is not understood here"
        );
    }
}
