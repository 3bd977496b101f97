//! Documentation, and the attributes for serde.

use anyhow::{bail, ensure};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Lit, Meta, Token, Variant};

use super::sources::words_of_path;

/// The attributes of a struct or an enum for serde.
#[derive(Debug)]
pub(super) struct Container {
    /// The case of names: `kebab-case`.
    rename_all: Option<String>,
    denies_unknown_fields: bool,
    /// Missing fields have the values of the struct's `Default`.
    pub(super) has_default: bool,
    /// The type that a value is deserialised as before it is converted into this one.
    pub(super) read_as: Option<String>,
}

/// The attributes of a field for serde.
#[derive(Debug, Default)]
pub(super) struct Field {
    pub(super) skipped: bool,
    pub(super) rename: Option<String>,
    pub(super) default: Option<FieldDefault>,
}

/// Where the value of a missing field comes from.
#[derive(Debug)]
pub(super) enum FieldDefault {
    /// The type's `Default`.
    OfType,
    /// A function.
    Function(Vec<String>),
}

impl Container {
    pub(super) fn read(attributes: &[Attribute]) -> anyhow::Result<Self> {
        let mut container =
            Self { rename_all: None, denies_unknown_fields: false, has_default: false, read_as: None };
        for argument in arguments(attributes, "serde")? {
            match (name(&argument).as_str(), &argument) {
                ("rename_all", _) => container.rename_all = Some(text(&argument)?),
                ("try_from" | "from", _) => container.read_as = Some(text(&argument)?),
                ("deny_unknown_fields", Meta::Path(_)) => container.denies_unknown_fields = true,
                ("default", Meta::Path(_)) => container.has_default = true,
                ("transparent", Meta::Path(_)) => {}
                (other, _) => bail!("serde({other}) is not understood here"),
            }
        }
        Ok(container)
    }

    /// A section has keys in kebab-case, and refuses unknown keys.
    pub(super) fn ensure_strict(&self) -> anyhow::Result<()> {
        ensure!(
            self.rename_all.as_deref() == Some("kebab-case") && self.denies_unknown_fields,
            "a section needs serde(rename_all = \"kebab-case\", deny_unknown_fields)"
        );
        Ok(())
    }

    /// The name of a variant in a file.
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
        ensure!(!has(attributes, "cfg"), "a setting of some builds only is not understood");
        let mut field = Self::default();
        for argument in arguments(attributes, "serde")? {
            match (name(&argument).as_str(), &argument) {
                ("skip", Meta::Path(_)) => field.skipped = true,
                ("rename", _) => field.rename = Some(text(&argument)?),
                ("default", Meta::Path(_)) => field.default = Some(FieldDefault::OfType),
                ("default", _) => {
                    let path: syn::Path = syn::parse_str(&text(&argument)?)?;
                    field.default = Some(FieldDefault::Function(words_of_path(&path)));
                }
                (other, _) => bail!("serde({other}) is not understood here"),
            }
        }
        Ok(field)
    }
}

/// The arguments of all attributes with this name.
pub(super) fn arguments(attributes: &[Attribute], of: &str) -> anyhow::Result<Vec<Meta>> {
    let mut all = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(of)) {
        all.extend(attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)?);
    }
    Ok(all)
}

/// Whether there is an attribute with this name.
pub(super) fn has(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident(name))
}

/// Whether a trait is derived.
pub(super) fn derives(attributes: &[Attribute], derived: &str) -> anyhow::Result<bool> {
    let all = arguments(attributes, "derive")?;
    Ok(all.iter().any(|argument| name(argument) == derived))
}

/// The last segment of the path of an argument.
pub(super) fn name(argument: &Meta) -> String {
    words_of_path(argument.path()).pop().unwrap_or_default()
}

/// The documentation of an item, each paragraph in one line.
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
    // Links lead to other items of the code, which are not on the page.
    paragraphs.iter().try_for_each(|paragraph| {
        ensure!(!paragraph.contains("]("), "a link with a target is not understood");
        Ok(())
    })?;
    Ok(paragraphs.into_iter().map(|paragraph| paragraph.replace("[`", "`").replace("`]", "`")).collect())
}

/// The name of a field in a file: `max-connections`.
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
    fn documentation_is_joined_into_paragraphs_without_links() {
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
    fn other_attributes_for_serde_are_refused() {
        let item: ItemStruct = syn::parse_str("struct A { #[serde(flatten)] b: B }").unwrap();
        let field = item.fields.iter().next().unwrap();

        assert_eq!(
            Field::read(&field.attrs).unwrap_err().to_string(),
            "serde(flatten) is not understood here"
        );
    }
}
