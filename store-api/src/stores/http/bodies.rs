use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::stores::Store;

/// A store.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Store)]
pub(crate) struct StoreBody {
    id: Uuid,
    seller_id: Uuid,
    name: String,
    description: String,
    #[schema(required = true)]
    thumbnail_url: Option<String>,
    /// How many customers follow it.
    followers: i64,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
}

impl From<Store> for StoreBody {
    fn from(store: Store) -> Self {
        Self {
            id: store.id,
            seller_id: store.seller_id,
            name: store.name,
            description: store.description,
            thumbnail_url: store.thumbnail_url,
            followers: store.followers,
            created_at: store.created_at,
            updated_at: store.updated_at,
        }
    }
}
