//! `PATCH /api/store/items/{itemId}`: edit an item, without its options.

use axum::extract::State;
use garde::Validate;
use idempotency::{Claim, KeptAnswer, Reply};
use problem::{Code, Json, Path, Problem};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::bodies::ItemWithOptionsBody;
use crate::items::{Category, EditItemError, ItemEdit, ItemWithOptions, edit_item};
use crate::shared::http::etag::{IfMatch, Tagged, tagged};
use crate::shared::{Description, ItemName, Patch, SellerEdit, WebAddress, present};
use crate::state::AppState;

/// A missing member changes nothing.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = ItemChange)]
pub(crate) struct Request {
    /// On one line, with a visible character. Kept composed (NFC) and trimmed.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 100, example = "딸기 생크림 케이크")]
    name: Option<ItemName>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    description: Option<Description>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    category: Option<Category>,
    /// Null removes it.
    #[serde(default)]
    #[schema(value_type = Option<WebAddress>)]
    thumbnail_url: Patch<WebAddress>,
    /// Null removes it.
    #[serde(default)]
    #[schema(value_type = Option<WebAddress>)]
    description_url: Patch<WebAddress>,
}

impl From<EditItemError> for Problem {
    fn from(error: EditItemError) -> Self {
        match error {
            EditItemError::Edit(error) => error.into(),
            EditItemError::NameTaken => Self::new(Code::ItemNameTaken),
            EditItemError::Keep(error) => error.into(),
            EditItemError::Database(_) => Self::database(error),
        }
    }
}

problem::respond!(EditItemError);
problem::refusals!(
    Refusals: MalformedJson, ValidationFailed, InvalidParameter, IdempotencyKeyInvalid, Unauthenticated, WrongRole, NotFound,
    IdempotencyKeyInUse, ItemNameTaken,
    PreconditionFailed, BodyTooLarge, UnsupportedMediaType, IdempotencyKeyReused
);

/// Edit your item
#[utoipa::path(
    patch,
    path = "/api/store/items/{itemId}",
    tag = "items",
    security(("bearer" = [])),
    params(("itemId" = Uuid, Path), IfMatch, ("Idempotency-Key" = Option<String>, Header, description = "A new random key for each change", min_length = 1, max_length = 255)),
    request_body = Request,
    responses(
        (status = OK, description = "The item as it is now", body = ItemWithOptionsBody, headers(("ETag" = String, description = "Changes with every edit of the item and its options, and with their stock"))),
        Refusals
    )
)]
pub(crate) async fn item_update(
    State(state): State<AppState>,
    edit: SellerEdit,
    Path(item_id): Path<Uuid>,
    claim: Option<Claim>,
    Json(request): Json<Request>,
) -> Result<KeptAnswer, EditItemError> {
    let Request { name, description, category, thumbnail_url, description_url } = request;
    let change = ItemEdit { name, description, category, thumbnail_url, description_url };
    let reply = Reply::new(claim, edited);
    edit_item(&state.database, &state.clock, edit, item_id, change, reply).await
}

fn edited(item: ItemWithOptions) -> Tagged<Json<ItemWithOptionsBody>> {
    tagged(&item.entity_tag(), Json(item.into()))
}
