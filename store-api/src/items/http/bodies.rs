//! Bodies that several answers share.

use money::Won;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::items::{Category, Item, ItemOption, ItemWithOptions};

/// An item without its options.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListedItem)]
pub(crate) struct ItemBody {
    id: Uuid,
    store_id: Uuid,
    store_name: String,
    name: String,
    description: String,
    category: Category,
    #[schema(required = true)]
    thumbnail_url: Option<String>,
    #[schema(required = true)]
    description_url: Option<String>,
    /// The lowest price among its options that can be bought now, or among all where none can.
    min_price: Won,
    /// How many customers gave it a heart.
    hearts: i64,
    /// How many pieces of it were sold, without those that came back by cancels and refunds.
    sold: i64,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
}

impl From<Item> for ItemBody {
    fn from(item: Item) -> Self {
        Self {
            id: item.id,
            store_id: item.store_id,
            store_name: item.store_name,
            name: item.name,
            description: item.description,
            category: item.category,
            thumbnail_url: item.thumbnail_url,
            description_url: item.description_url,
            min_price: item.min_price,
            hearts: item.hearts,
            sold: item.sold,
            created_at: item.created_at,
            updated_at: item.updated_at,
        }
    }
}

/// An item with its options.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Item)]
pub(crate) struct ItemWithOptionsBody {
    #[serde(flatten)]
    item: ItemBody,
    /// In the order in which they were added.
    options: Vec<OptionBody>,
}

impl From<ItemWithOptions> for ItemWithOptionsBody {
    fn from(ItemWithOptions { item, options }: ItemWithOptions) -> Self {
        Self { item: item.into(), options: options.into_iter().map(OptionBody::from).collect() }
    }
}

/// An option.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Option)]
pub(crate) struct OptionBody {
    id: Uuid,
    name: String,
    price: Won,
    /// How many pieces can be bought now.
    quantity: i64,
}

impl From<ItemOption> for OptionBody {
    fn from(option: ItemOption) -> Self {
        Self { id: option.id, name: option.name, price: option.price, quantity: option.on_hand }
    }
}
