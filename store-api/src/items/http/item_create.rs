//! `POST /api/store/stores/{storeId}/items`: list an item.

use access::Seller;
use axum::extract::State;
use garde::Validate;
use idempotency::{Claim, KeptAnswer, Reply};
use problem::{Code, Created, Json, Path, Problem};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::bodies::ItemWithOptionsBody;
use crate::items::{
    AddItemError, Category, ItemWithOptions, NewItem, NewOption, OnHand, Price, add_item, first_repeated,
};
use crate::shared::http::etag::{Tagged, tagged};
use crate::shared::{Description, ItemName, OptionName, WebAddress};
use crate::state::AppState;

#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = NewItem)]
pub(crate) struct Request {
    /// Unique within the store. On one line, with a visible character. Kept composed (NFC) and trimmed.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "딸기 생크림 케이크")]
    name: ItemName,
    description: Description,
    category: Category,
    thumbnail_url: Option<WebAddress>,
    description_url: Option<WebAddress>,
    /// The item shows them in this order.
    #[garde(length(min = 1, max = 100), custom(has_no_repeated_name))]
    #[schema(min_items = 1, max_items = 100)]
    options: Vec<NewOptionBody>,
}

/// A new option.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewOption)]
pub(crate) struct NewOptionBody {
    /// Unique within the item. On one line, with a visible character. Kept composed (NFC) and trimmed.
    #[schema(value_type = String, min_length = 1, max_length = 50, example = "2호 (6~8인)")]
    name: OptionName,
    price: Price,
    /// How many pieces are on hand.
    quantity: OnHand,
}

impl From<NewOptionBody> for NewOption {
    fn from(NewOptionBody { name, price, quantity }: NewOptionBody) -> Self {
        Self { name, price, quantity }
    }
}

fn has_no_repeated_name(options: &[NewOptionBody], (): &()) -> garde::Result {
    match first_repeated(options.iter().map(|option| &option.name)) {
        Some(index) => Err(garde::Error::new(format!("option {index} has the name of an earlier one"))),
        None => Ok(()),
    }
}

impl From<AddItemError> for Problem {
    fn from(error: AddItemError) -> Self {
        match error {
            AddItemError::NoStore => Self::new(Code::NotFound),
            AddItemError::NameTaken => Self::new(Code::ItemNameTaken),
            AddItemError::OptionNameTaken => Self::new(Code::OptionNameTaken),
            AddItemError::Keep(error) => error.into(),
            AddItemError::Database(_) => Self::database(error),
        }
    }
}

problem::respond!(AddItemError);
problem::refusals!(
    Refusals: MalformedJson, ValidationFailed, InvalidParameter, IdempotencyKeyInvalid, Unauthenticated, WrongRole, NotFound,
    IdempotencyKeyInUse, ItemNameTaken,
    BodyTooLarge, UnsupportedMediaType, IdempotencyKeyReused
);

/// List an item in your store
#[utoipa::path(
    post,
    path = "/api/store/stores/{storeId}/items",
    tag = "items",
    security(("bearer" = [])),
    params(("storeId" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header, description = "A new random key for each item", min_length = 1, max_length = 255)),
    request_body = Request,
    responses(
        (status = CREATED, description = "The new item", body = ItemWithOptionsBody, headers(("ETag" = String, description = "Changes with every edit of the item and its options, and with their stock"))),
        Refusals
    )
)]
pub(crate) async fn item_create(
    State(state): State<AppState>,
    Seller(seller): Seller,
    Path(store_id): Path<Uuid>,
    claim: Option<Claim>,
    Json(request): Json<Request>,
) -> Result<KeptAnswer, AddItemError> {
    let Request { name, description, category, thumbnail_url, description_url, options } = request;
    let options = options.into_iter().map(NewOption::from).collect();
    let new = NewItem { name, description, category, thumbnail_url, description_url, options };
    let reply = Reply::new(claim, created);
    add_item(&state.database, &state.clock, seller.member_id, store_id, new, reply).await
}

fn created(listed: ItemWithOptions) -> Tagged<Created<ItemWithOptionsBody>> {
    let location = format!("/api/store/items/{}", listed.item.id);
    tagged(&listed.entity_tag(), Created { location, body: listed.into() })
}
