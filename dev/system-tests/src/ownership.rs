//! Whether an answer belongs to the member who asked: its ids, names and amounts, which no other member has.
//!
//! Each function returns what is wrong as a text, so that a test can go on and count the faults.

use serde_json::Value;
use testkit::member::Member;
use testkit::shop::{Item, option_name};

/// What in an answer does not belong to the member who asked.
pub type Foreign = String;

/// Checks that a value of an answer is the expected one.
pub fn same(what: &str, found: &Value, expected: impl Into<Value>) -> Result<(), Foreign> {
    let expected = expected.into();
    if *found == expected { Ok(()) } else { Err(format!("{what} is {found}, and not {expected}")) }
}

/// Checks that an account is the member's.
pub fn account(me: &Member, account: &Value) -> Result<(), Foreign> {
    same("the member's id", &account["id"], me.id.as_str())?;
    same("the email", &account["email"], me.email.as_str())?;
    same("the name", &account["name"], me.name.as_str())?;
    same("the role", &account["role"], me.role.as_str())
}

/// Checks that an item is the expected one.
pub fn item(expected: &Item, item: &Value) -> Result<(), Foreign> {
    same("the item's id", &item["id"], expected.id.as_str())?;
    same("the item's name", &item["name"], expected.name.as_str())?;
    same("the store's id", &item["storeId"], expected.store_id.as_str())?;
    same("the store's name", &item["storeName"], expected.store_name.as_str())
}

/// Checks that a line of a cart, an order or a sale is for one of these items, with the right names and total. Returns the
/// item and the position of the option in it.
pub fn line<'a>(items: &'a [Item], line: &Value) -> Result<(&'a Item, usize), Foreign> {
    let item = items.iter().find(|item| line["itemId"] == item.id.as_str());
    let item = item.ok_or_else(|| format!("an item of another member: {line}"))?;
    same("the item's name", &line["itemName"], item.name.as_str())?;
    same("the store's id", &line["storeId"], item.store_id.as_str())?;
    same("the store's name", &line["storeName"], item.store_name.as_str())?;
    let place = item.options.iter().position(|option| line["optionId"] == option.as_str());
    let place = place.ok_or_else(|| format!("an option of another member: {line}"))?;
    same("the option's name", &line["optionName"], option_name(place))?;
    let product = line["price"].as_i64().zip(line["quantity"].as_i64()).map(|(price, pieces)| price * pieces);
    same("the line's total", &line["lineTotal"], product)?;
    Ok((item, place))
}

/// Checks that all lines of a cart or an order are for these items, and that their sum is the total.
pub fn lines(items: &[Item], all: &Value) -> Result<(), Foreign> {
    let lines = all["lines"].as_array().ok_or_else(|| format!("no lines in {all}"))?;
    let mut total = 0;
    for each in lines {
        line(items, each)?;
        total += each["lineTotal"].as_i64().unwrap_or_default();
    }
    same("the total", &all["total"], total)
}
