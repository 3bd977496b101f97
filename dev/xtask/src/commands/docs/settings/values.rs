//! The value of an expression for a default or a bound.

use std::fmt;

use anyhow::{Context as _, bail};
use syn::punctuated::Punctuated;
use syn::{BinOp, Block, Expr, ExprBinary, ExprMacro, ExprMethodCall, Item, Lit, Stmt, Token, UnOp};

use super::attributes::Container;
use super::sources::{Module, Sources, words_of_path};

/// A value that can be written in a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// No value.
    Unset,
    Integer(i128),
    /// As in the source.
    Number(String),
    Truth(bool),
    Text(String),
    /// A variant, by its name in a file.
    Choice(String),
    List(Vec<Value>),
    EmptyMap,
}

/// As in YAML.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset => f.write_str("null"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Number(text) | Self::Choice(text) => f.write_str(text),
            Self::Truth(value) => write!(f, "{value}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::List(values) => {
                let values: Vec<_> = values.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", values.join(", "))
            }
            Self::EmptyMap => f.write_str("{}"),
        }
    }
}

/// What happens if a key is missing.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Absent {
    /// The process does not start.
    Refused,
    /// It has this value.
    Value(Value),
    /// It is a section, and all its keys are missing as well.
    BySection,
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("required"),
            Self::Value(Value::Unset) => f.write_str("not set"),
            Self::Value(value) => write!(f, "`{value}`"),
            Self::BySection => Ok(()),
        }
    }
}

/// The place of an expression.
pub(super) struct Scope<'a> {
    pub(super) sources: &'a Sources,
    pub(super) module: &'a Module,
    /// The type that `Self` means there.
    pub(super) owner: &'a str,
}

impl Scope<'_> {
    pub(super) fn value(&self, expression: &Expr) -> anyhow::Result<Value> {
        match expression {
            Expr::Lit(literal) => of_literal(&literal.lit),
            Expr::Paren(inner) => self.value(&inner.expr),
            Expr::Group(inner) => self.value(&inner.expr),
            Expr::Cast(inner) => self.value(&inner.expr),
            Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => match self.value(&unary.expr)? {
                Value::Integer(value) => Ok(Value::Integer(-value)),
                Value::Number(text) => Ok(Value::Number(format!("-{text}"))),
                _ => bail!("a minus before something that is not a number"),
            },
            Expr::Binary(binary) => self.calculated(binary),
            Expr::Path(path) => self.named(&words_of_path(&path.path)),
            Expr::Call(call) => match call.func.as_ref() {
                Expr::Path(path) => self.called(&words_of_path(&path.path), &call.args),
                _ => bail!("a call of something that is not a name is not understood"),
            },
            Expr::MethodCall(call) => self.converted(call),
            Expr::Macro(ExprMacro { mac, .. }) if mac.path.is_ident("vec") => {
                let entries = mac.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated)?;
                entries.iter().map(|entry| self.value(entry)).collect::<Result<_, _>>().map(Value::List)
            }
            _ => bail!("an expression of this kind is not understood"),
        }
    }

    /// The result of a function without arguments.
    pub(super) fn given_by(&self, function: &[String]) -> anyhow::Result<Value> {
        self.called(function, &Punctuated::new())
    }

    fn calculated(&self, binary: &ExprBinary) -> anyhow::Result<Value> {
        let (Value::Integer(left), Value::Integer(right)) =
            (self.value(&binary.left)?, self.value(&binary.right)?)
        else {
            bail!("a calculation with something that is not an integer is not understood");
        };
        let result = match binary.op {
            BinOp::Add(_) => left.checked_add(right),
            BinOp::Sub(_) => left.checked_sub(right),
            BinOp::Mul(_) => left.checked_mul(right),
            BinOp::Div(_) => left.checked_div(right),
            _ => bail!("this operator is not understood"),
        };
        result.map(Value::Integer).context("a calculation has no result")
    }

    /// A constant or a variant.
    fn named(&self, path: &[String]) -> anyhow::Result<Value> {
        let unknown = || format!("`{}` is not understood", path.join("::"));
        if path == ["None"] {
            return Ok(Value::Unset);
        }
        if let Some((module, Item::Const(constant))) = self.sources.find(self.module, path)? {
            return Scope { module: &module, ..*self }.value(&constant.expr);
        }
        let (name, owner) = path.split_last().with_context(unknown)?;
        if name == "MIN" && owner.last().is_some_and(|owner| owner.starts_with("NonZeroU")) {
            return Ok(Value::Integer(1));
        }
        let (module, item, owner) = self.owner(owner)?.with_context(unknown)?;
        if let Item::Enum(choices) = &item
            && let Some(variant) = choices.variants.iter().find(|variant| variant.ident == name)
        {
            return Container::read(&choices.attrs)?.variant_name(variant).map(Value::Choice);
        }
        let constant = module.constant_of(&owner, name).with_context(unknown)?;
        Scope { sources: self.sources, module: &module, owner: &owner }.value(constant)
    }

    fn called(&self, path: &[String], arguments: &Punctuated<Expr, Token![,]>) -> anyhow::Result<Value> {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        match (words.as_slice(), arguments.first()) {
            (["Some"] | [.., "String" | "PathBuf", "from"], Some(argument)) => self.value(argument),
            ([.., owner, "new"], Some(argument)) if owner.starts_with("NonZero") => self.value(argument),
            ([.., "TimeOfDay", "new"], Some(hour)) => self.time_of_day(hour, arguments.last()),
            ([.., "Vec", "new"], None) => Ok(Value::List(Vec::new())),
            ([.., "BTreeMap", "new"], None) => Ok(Value::EmptyMap),
            ([.., "String", "new"], None) => Ok(Value::Text(String::new())),
            (_, None) => self.function(path),
            _ => bail!("`{}(…)` is not understood", path.join("::")),
        }
    }

    fn time_of_day(&self, hour: &Expr, minute: Option<&Expr>) -> anyhow::Result<Value> {
        let minute = minute.context("a time of day without a minute")?;
        match (self.value(hour)?, self.value(minute)?) {
            (Value::Integer(hour), Value::Integer(minute)) => {
                Ok(Value::Text(format!("{hour:02}:{minute:02}")))
            }
            _ => bail!("a time of day that is not made of two integers"),
        }
    }

    fn function(&self, path: &[String]) -> anyhow::Result<Value> {
        let unknown = || format!("`{}()` is not understood", path.join("::"));
        if let Some((module, Item::Fn(function))) = self.sources.find(self.module, path)? {
            return Scope { module: &module, ..*self }
                .value(only_expression(&function.block).with_context(unknown)?);
        }
        let (name, owner) = path.split_last().with_context(unknown)?;
        let (module, _, owner) = self.owner(owner)?.with_context(unknown)?;
        let function = module.function_of(&owner, None, name).with_context(unknown)?;
        Scope { sources: self.sources, module: &module, owner: &owner }
            .value(only_expression(&function.block).with_context(unknown)?)
    }

    /// The type that a path means, with its name.
    fn owner(&self, path: &[String]) -> anyhow::Result<Option<(Module, Item, String)>> {
        let of_self = [self.owner.to_owned()];
        let path = if path == ["Self"] { &of_self } else { path };
        let found = self.sources.find(self.module, path)?;
        Ok(found.and_then(|(module, item)| {
            let name = match &item {
                Item::Struct(item) => item.ident.to_string(),
                Item::Enum(item) => item.ident.to_string(),
                _ => return None,
            };
            Some((module, item, name))
        }))
    }

    /// A method that does not change the value.
    fn converted(&self, call: &ExprMethodCall) -> anyhow::Result<Value> {
        match call.method.to_string().as_str() {
            "to_owned" | "to_string" | "into" | "expect" | "unwrap" => self.value(&call.receiver),
            other => bail!("the method `{other}` is not understood"),
        }
    }
}

/// The expression of a function that is one expression.
pub(super) fn only_expression(block: &Block) -> Option<&Expr> {
    match block.stmts.as_slice() {
        [Stmt::Expr(expression, None)] => Some(expression),
        _ => None,
    }
}

fn of_literal(literal: &Lit) -> anyhow::Result<Value> {
    Ok(match literal {
        Lit::Int(integer) => Value::Integer(integer.base10_parse()?),
        Lit::Float(number) => Value::Number(number.base10_digits().to_owned()),
        Lit::Bool(truth) => Value::Truth(truth.value),
        Lit::Str(text) => Value::Text(text.value()),
        _ => bail!("a literal of this kind is not understood"),
    })
}
