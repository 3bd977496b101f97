//! The values that the type of a field accepts.

use anyhow::{Context as _, bail, ensure};
use syn::{Fields, GenericArgument, Item, ItemEnum, ItemStruct, PathArguments, Type};

use super::attributes::{Container, derives, documentation};
use super::sources::{Module, Place, Sources, words_of_type};

/// The kinds of types that settings have.
#[derive(Clone)]
pub(super) enum Kind {
    Truth,
    /// With the least value of the type, if that is 0 or 1.
    Integer(Option<i128>),
    Number,
    Text,
    Secret,
    /// Text of a certain form; the words for one and for several of it.
    Form(&'static str, &'static str),
    Choice(Vec<Choice>),
    Maybe(Box<Kind>),
    List(Box<Kind>),
    /// A map from names to values of this kind.
    Map(Box<Kind>),
    Section(Box<Place>),
}

/// A variant of an enum.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) name: String,
    pub(super) meaning: String,
    pub(super) is_default: bool,
}

impl Kind {
    pub(super) fn of(sources: &Sources, module: &Module, ty: &Type) -> anyhow::Result<Self> {
        let words = words_of_type(ty).context("a type of this kind is not understood")?;
        // Ours, and read in a way of its own.
        if words.last().is_some_and(|name| name == "TimeOfDay") {
            return Ok(Self::Form("`HH:MM`", "`HH:MM`"));
        }
        if is_live(ty) {
            return Self::of(sources, module, generic_argument(ty, 0).context("Live of what?")?);
        }
        match sources.find(module, &words)? {
            Some((module, Item::Struct(item))) => Self::of_struct(sources, module, item),
            Some((_, Item::Enum(item))) => choices(&item).map(Self::Choice),
            _ => Self::of_library(sources, module, ty, words.last().map_or("", String::as_str)),
        }
    }

    fn of_struct(sources: &Sources, module: Module, item: ItemStruct) -> anyhow::Result<Self> {
        let name = &item.ident;
        ensure!(derives(&item.attrs, "Deserialize")?, "{name} has its own way of deserialising");
        if let Some(read_as) = Container::read(&item.attrs)?.read_as {
            return Self::of(sources, &module, &syn::parse_str(&read_as)?);
        }
        match &item.fields {
            Fields::Named(_) => Ok(Self::Section(Box::new(Place { module, item }))),
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                Self::of(sources, &module, &fields.unnamed[0].ty)
            }
            _ => bail!("a struct like {name} is not understood"),
        }
    }

    fn of_library(sources: &Sources, module: &Module, ty: &Type, name: &str) -> anyhow::Result<Self> {
        let argument = |index| {
            let argument = generic_argument(ty, index).with_context(|| format!("{name} of what?"))?;
            Self::of(sources, module, argument).map(Box::new)
        };
        Ok(match name {
            "bool" => Self::Truth,
            "u8" | "u16" | "u32" | "u64" | "usize" => Self::Integer(Some(0)),
            "NonZeroU8" | "NonZeroU16" | "NonZeroU32" | "NonZeroU64" | "NonZeroUsize" => {
                Self::Integer(Some(1))
            }
            "i8" | "i16" | "i32" | "i64" | "isize" => Self::Integer(None),
            "f32" | "f64" => Self::Number,
            "String" => Self::Text,
            "SecretString" => Self::Secret,
            "PathBuf" => Self::Form("path", "paths"),
            "Url" => Self::Form("URL", "URLs"),
            "IpAddr" => Self::Form("IP address", "IP addresses"),
            "SocketAddr" => Self::Form("`IP:PORT`", "`IP:PORT`"),
            "Option" => Self::Maybe(argument(0)?),
            "Vec" | "BTreeSet" => Self::List(argument(0)?),
            "BTreeMap" => Self::Map(argument(1)?),
            other => bail!("the type {other} is not understood"),
        })
    }

    /// The words for one value.
    pub(super) fn one(&self) -> String {
        match self {
            Self::Truth => "`true` or `false`".to_owned(),
            Self::Integer(_) => "integer".to_owned(),
            Self::Number => "number".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Secret => "secret".to_owned(),
            Self::Form(one, _) => (*one).to_owned(),
            Self::Choice(choices) => any_of(choices),
            Self::Maybe(inner) => inner.one(),
            Self::List(inner) => format!("list of {}", inner.several()),
            Self::Map(inner) => format!("map of names to {}", inner.several()),
            Self::Section(_) => "section".to_owned(),
        }
    }

    fn several(&self) -> String {
        match self {
            Self::Truth | Self::Choice(_) => self.one(),
            Self::Form(_, several) => (*several).to_owned(),
            Self::Maybe(inner) => inner.several(),
            Self::List(inner) => format!("lists of {}", inner.several()),
            Self::Map(inner) => format!("maps of names to {}", inner.several()),
            Self::Integer(_) | Self::Number | Self::Text | Self::Secret | Self::Section(_) => {
                format!("{}s", self.one())
            }
        }
    }

    /// The section in this kind, and what stands for one of several sections in a key.
    pub(super) fn section(&self) -> Option<(&Place, String)> {
        match self {
            Self::Section(place) => Some((place, String::new())),
            Self::Maybe(inner) => inner.section(),
            Self::List(inner) => inner.section().map(|(place, suffix)| (place, format!("[]{suffix}"))),
            Self::Map(inner) => inner.section().map(|(place, suffix)| (place, format!(".NAME{suffix}"))),
            _ => None,
        }
    }

    /// The variants of the enum in this kind.
    pub(super) fn choices(&self) -> &[Choice] {
        match self {
            Self::Choice(choices) => choices,
            Self::Maybe(inner) | Self::List(inner) | Self::Map(inner) => inner.choices(),
            _ => &[],
        }
    }
}

/// Whether a change of the value reaches the running process (`settings::Live`).
pub(super) fn is_live(ty: &Type) -> bool {
    words_of_type(ty).is_some_and(|words| words.last().is_some_and(|name| name == "Live"))
}

fn choices(item: &ItemEnum) -> anyhow::Result<Vec<Choice>> {
    let container = Container::read(&item.attrs)?;
    let read = |variant: &syn::Variant| {
        ensure!(matches!(variant.fields, Fields::Unit), "a variant with content is not understood");
        Ok(Choice {
            name: container.variant_name(variant)?,
            meaning: documentation(&variant.attrs)?.join(" "),
            is_default: super::attributes::has(&variant.attrs, "default"),
        })
    };
    let place = |variant: &syn::Variant| format!("{}::{}", item.ident, variant.ident);
    item.variants.iter().map(|variant| read(variant).with_context(|| place(variant))).collect()
}

fn any_of(choices: &[Choice]) -> String {
    let names: Vec<_> = choices.iter().map(|choice| format!("`{}`", choice.name)).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.join(""),
    }
}

fn generic_argument(ty: &Type, index: usize) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else { return None };
    arguments
        .args
        .iter()
        .filter_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        })
        .nth(index)
}
