use std::collections::BTreeSet;

use database::Connection;
use uuid::Uuid;

use super::db;
use super::db::stock::OptionOfItem;
use crate::items::update_price;

/// The items of an order, locked until the transaction ends.
///
/// Items are locked before options, as in the edits of sellers.
pub(super) struct LockedItems(Vec<OptionOfItem>);

impl LockedItems {
    pub(super) async fn of_order(connection: &mut Connection, order_id: Uuid) -> sqlx::Result<Self> {
        let options = db::stock::options_of_order(connection, order_id).await?;
        let numbers: BTreeSet<i64> = options.iter().map(|option| option.item_number).collect();
        db::stock::lock_items(connection, &Vec::from_iter(numbers)).await?;
        Ok(Self(options))
    }

    /// Updates the price of the items of these options, which were sold out or are back in stock.
    pub(super) async fn update_prices(
        &self,
        connection: &mut Connection,
        options: &[Uuid],
    ) -> sqlx::Result<()> {
        let of_these = self.0.iter().filter(|option| options.contains(&option.option_id));
        let items: BTreeSet<_> = of_these.map(|option| (option.item_number, option.item_id)).collect();
        for (number, id) in items {
            update_price(connection, number, id).await?;
        }
        Ok(())
    }
}
