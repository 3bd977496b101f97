//! Whether an answer is the asker's own: by its ids, its names and its amounts, which nobody else has.
//!
//! Each function gives what is wrong, in words, so that a test can go on and count what it finds.

use serde_json::Value;

use crate::people::Person;
use crate::shop::{Item, option_name};

/// What is not the asker's own.
pub type Foreign = String;

/// Checks one value of an answer.
pub fn same(what: &str, found: &Value, expected: impl Into<Value>) -> Result<(), Foreign> {
    let expected = expected.into();
    if *found == expected { Ok(()) } else { Err(format!("{what} is {found}, and not {expected}")) }
}

/// Checks that an account is theirs.
pub fn account(me: &Person, account: &Value) -> Result<(), Foreign> {
    same("the member's id", &account["id"], me.id.as_str())?;
    same("the email", &account["email"], me.email.as_str())?;
    same("the name", &account["name"], me.name.as_str())?;
    same("the role", &account["role"], me.role.as_str())
}

/// Checks that an item is the one that was asked for.
pub fn item(expected: &Item, item: &Value) -> Result<(), Foreign> {
    same("the item's id", &item["id"], expected.id.as_str())?;
    same("the item's name", &item["name"], expected.name.as_str())?;
    same("the store's id", &item["storeId"], expected.store_id.as_str())?;
    same("the store's name", &item["storeName"], expected.store_name.as_str())
}

/// Checks that a line of a cart, an order or a sale is of one of these items, with the right names and sum; gives the item
/// and the place of the option in it.
pub fn line<'a>(items: &'a [Item], line: &Value) -> Result<(&'a Item, usize), Foreign> {
    let item = items.iter().find(|item| line["itemId"] == item.id.as_str());
    let item = item.ok_or_else(|| format!("an item of somebody else: {line}"))?;
    same("the item's name", &line["itemName"], item.name.as_str())?;
    same("the store's id", &line["storeId"], item.store_id.as_str())?;
    same("the store's name", &line["storeName"], item.store_name.as_str())?;
    let place = item.options.iter().position(|option| line["optionId"] == option.as_str());
    let place = place.ok_or_else(|| format!("an option of somebody else: {line}"))?;
    same("the option's name", &line["optionName"], option_name(place))?;
    let product = line["price"].as_i64().zip(line["quantity"].as_i64()).map(|(price, pieces)| price * pieces);
    same("the line's total", &line["lineTotal"], product)?;
    Ok((item, place))
}

/// Checks that all lines are of these items, and that the total is theirs: of a cart or an order.
pub fn lines(items: &[Item], all: &Value) -> Result<(), Foreign> {
    let lines = all["lines"].as_array().ok_or_else(|| format!("no lines in {all}"))?;
    let mut total = 0;
    for each in lines {
        line(items, each)?;
        total += each["lineTotal"].as_i64().unwrap_or_default();
    }
    same("the total", &all["total"], total)
}
