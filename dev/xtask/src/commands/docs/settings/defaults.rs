//! The values of `Default`.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use syn::{Expr, ItemStruct, Member};

use super::attributes::derives;
use super::kinds::Kind;
use super::sources::{Place, Sources, named_fields, words_of_path};
use super::values::{Absent, Scope, Value, only_expression};

/// The values of a struct's fields by its `Default`; `None` if it has none.
pub(super) fn of_struct(
    sources: &Sources,
    place: &Place,
) -> anyhow::Result<Option<BTreeMap<String, Absent>>> {
    let Place { module, item } = place;
    let owner = item.ident.to_string();
    if derives(&item.attrs, "Default")? {
        let derived = named_fields(item)
            .map(|(name, field)| Ok((name, of_kind(sources, &Kind::of(sources, module, &field.ty)?)?)));
        return derived.collect::<anyhow::Result<_>>().map(Some);
    }
    let Some(function) = module.function_of(&owner, Some("Default"), "default") else { return Ok(None) };
    let given = match only_expression(&function.block) {
        Some(Expr::Struct(given)) if given.rest.is_none() => &given.fields,
        _ => bail!("the `Default` of {place} is more than a list of values"),
    };
    let scope = Scope { sources, module, owner: &owner };
    let mut defaults = BTreeMap::new();
    for value in given {
        let Member::Named(name) = &value.member else { bail!("{place} has fields without names") };
        let name = name.to_string();
        let default = if is_call_of_default(&value.expr) {
            of_kind(sources, &kind_of_field(sources, place, item, &name)?)?
        } else {
            let value = scope.value(&value.expr);
            Absent::Value(value.with_context(|| format!("the `Default` of {place}.{name}"))?)
        };
        defaults.insert(name, default);
    }
    Ok(Some(defaults))
}

/// The value of a type by its `Default`.
pub(super) fn of_kind(sources: &Sources, kind: &Kind) -> anyhow::Result<Absent> {
    Ok(Absent::Value(match kind {
        Kind::Truth => Value::Truth(false),
        Kind::Integer(Some(0) | None) => Value::Integer(0),
        Kind::Number => Value::Number("0.0".to_owned()),
        Kind::Text => Value::Text(String::new()),
        Kind::Maybe(_) => Value::Unset,
        Kind::List(_) => Value::List(Vec::new()),
        Kind::Map(_) => Value::EmptyMap,
        Kind::Choice(choices) => {
            let default = choices.iter().find(|choice| choice.is_default);
            Value::Choice(default.context("an enum without a #[default] variant")?.name.clone())
        }
        Kind::Section(place) => {
            ensure!(of_struct(sources, place)?.is_some(), "{place} has no `Default`");
            return Ok(Absent::BySection);
        }
        Kind::Integer(Some(_)) | Kind::Secret | Kind::Form(..) => {
            bail!("the `Default` of this type is not understood")
        }
    }))
}

fn kind_of_field(sources: &Sources, place: &Place, item: &ItemStruct, name: &str) -> anyhow::Result<Kind> {
    let field = named_fields(item).find(|(field, _)| field == name);
    let (_, field) = field.with_context(|| format!("{place} has no field {name}"))?;
    Kind::of(sources, &place.module, &field.ty)
}

/// `Vec::default()`, `Default::default()`
fn is_call_of_default(expression: &Expr) -> bool {
    let Expr::Call(call) = expression else { return false };
    let Expr::Path(path) = call.func.as_ref() else { return false };
    call.args.is_empty() && words_of_path(&path.path).last().is_some_and(|word| word == "default")
}
