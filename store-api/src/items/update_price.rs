use database::Connection;
use uuid::Uuid;

use super::{db, lowest_price};
use crate::search_changes;

/// Updates the price of a locked item after one of its options was sold out or came back in stock, and records it for the
/// search index.
///
/// A transaction that takes the last piece of an option, or brings the first one back, locks the item. So while the item is locked
/// here, no option becomes sold out or comes back in stock.
pub(crate) async fn update_price(connection: &mut Connection, number: i64, id: Uuid) -> sqlx::Result<()> {
    let options = db::options::of_item(connection, id).await?;
    // A deleted item may have no option left. Its price is not shown.
    if let Some(price) = lowest_price(options.iter().map(|option| (option.price, option.on_hand))) {
        db::items::set_min_price(connection, number, price).await?;
    }
    search_changes::record_facts(connection, number).await
}
