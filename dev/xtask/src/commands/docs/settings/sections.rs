//! A struct as a section of keys.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};

use super::attributes::{Container, Field, FieldDefault, documentation, kebab};
use super::defaults;
use super::kinds::{Choice, Kind, is_live};
use super::rules::Rules;
use super::sources::{Place, Sources, named_fields};
use super::values::{Absent, Scope, Value};

/// The keys of a struct.
pub(super) struct Section {
    /// The file and the name of the struct, which distinguish sections with the same name.
    pub(super) place: String,
    /// Paragraphs.
    pub(super) documentation: Vec<String>,
    pub(super) keys: Vec<Key>,
}

/// One setting.
pub(super) struct Key {
    pub(super) name: String,
    /// Paragraphs.
    pub(super) meaning: Vec<String>,
    /// The type and the range.
    pub(super) form: String,
    /// The values that it can have, if it is an enum.
    pub(super) choices: Vec<Choice>,
    pub(super) absent: Absent,
    pub(super) inside: Option<Inside>,
    /// Whether a change reaches the running process.
    pub(super) is_live: bool,
    has_rules: bool,
}

/// The section under a key. The suffix of the key is `[]` if there can be several.
pub(super) struct Inside {
    pub(super) suffix: String,
    pub(super) section: Section,
}

impl Section {
    pub(super) fn read(sources: &Sources, place: &Place) -> anyhow::Result<Self> {
        let read = || {
            let container = Container::read(&place.item.attrs)?;
            container.ensure_strict()?;
            let whole = defaults::of_struct(sources, place)?;
            ensure!(
                whole.is_some() || !container.has_default,
                "its `Default` is in another file, where it is not found"
            );
            let reader = Reader { sources, place, whole: whole.as_ref(), container: &container };
            let mut keys = Vec::new();
            for (name, field) in named_fields(&place.item) {
                keys.extend(reader.key(&name, field).with_context(|| format!("the field {name}"))?);
            }
            let documentation = documentation(&place.item.attrs)?;
            Ok(Self { place: place.to_string(), documentation, keys })
        };
        let read: anyhow::Result<Self> = read();
        read.with_context(|| place.to_string())
    }

    /// A section that is not one struct.
    pub(super) fn of_keys(place: &Place, keys: Vec<Key>) -> Self {
        Self { place: place.to_string(), documentation: Vec::new(), keys }
    }

    fn has_rules(&self) -> bool {
        self.keys
            .iter()
            .any(|key| key.has_rules || key.inside.as_ref().is_some_and(|inside| inside.section.has_rules()))
    }
}

impl Key {
    /// A section that all processes have. If it is missing, it is read as an empty one.
    pub(super) fn of_section(name: String, section: Section, is_live: bool) -> Self {
        Self {
            name,
            meaning: section.documentation.clone(),
            form: "section".to_owned(),
            choices: Vec::new(),
            absent: Absent::BySection,
            inside: Some(Inside { suffix: String::new(), section }),
            is_live,
            has_rules: true,
        }
    }
}

struct Reader<'a> {
    sources: &'a Sources,
    place: &'a Place,
    /// The values of the struct's `Default`.
    whole: Option<&'a BTreeMap<String, Absent>>,
    container: &'a Container,
}

impl Reader<'_> {
    /// `None` for a field that is not a setting.
    fn key(&self, name: &str, field: &syn::Field) -> anyhow::Result<Option<Key>> {
        let Self { sources, place, .. } = *self;
        let attributes = Field::read(&field.attrs)?;
        if attributes.skipped {
            return Ok(None);
        }
        let owner = place.item.ident.to_string();
        let scope = Scope { sources, module: &place.module, owner: &owner };
        let kind = Kind::of(sources, &place.module, &field.ty)?;
        let rules = Rules::of(&scope, &field.attrs)?;
        let is_live = is_live(&field.ty);
        ensure!(rules.dive || !is_live, "it is live, but garde does not dive into it");
        let absent = self.absent(name, attributes.default.as_ref(), &kind, &scope)?;
        let inside = match kind.section() {
            Some((place, suffix)) => Some(Inside { suffix, section: Section::read(sources, place)? }),
            None => None,
        };
        if let Some(Inside { section, .. }) = &inside {
            ensure!(
                rules.dive || !section.has_rules(),
                "its section has rules, but garde does not dive into it"
            );
        }
        Ok(Some(Key {
            name: attributes.rename.unwrap_or_else(|| kebab(name)),
            meaning: documentation(&field.attrs)?,
            form: rules.described(&kind),
            choices: kind.choices().to_vec(),
            absent,
            inside,
            is_live,
            has_rules: rules.any,
        }))
    }

    fn absent(
        &self,
        name: &str,
        default: Option<&FieldDefault>,
        kind: &Kind,
        scope: &Scope<'_>,
    ) -> anyhow::Result<Absent> {
        let of_whole = self.whole.and_then(|whole| whole.get(name)).cloned();
        let absent = match (default, &of_whole) {
            (Some(FieldDefault::OfType), _) => defaults::of_kind(self.sources, kind)?,
            (Some(FieldDefault::Function(path)), _) => Absent::Value(scope.given_by(path)?),
            (None, Some(of_whole)) if self.container.has_default => of_whole.clone(),
            (None, _) if matches!(kind, Kind::Maybe(_)) => Absent::Value(Value::Unset),
            (None, _) => Absent::Refused,
        };
        if let Some(of_whole) = of_whole {
            ensure!(
                absent == of_whole,
                "if it is missing, it is {absent}, but by the `Default` of the struct it is {of_whole}"
            );
        }
        Ok(absent)
    }
}
