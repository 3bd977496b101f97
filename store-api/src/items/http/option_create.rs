//! `POST /api/store/items/{itemId}/options`: add an option to an item.

use axum::extract::State;
use garde::Validate;
use idempotency::{Claim, KeptAnswer, Reply};
use problem::{Code, Created, Json, Path, Problem};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::bodies::OptionBody;
use crate::items::{AddOptionError, EditedOption, NewOption, OnHand, Price, add_option};
use crate::shared::http::etag::{IfMatch, Tagged, tagged};
use crate::shared::{OptionName, SellerEdit};
use crate::state::AppState;

#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = AddedOption)]
pub(crate) struct Request {
    /// Unique within the item. On one line, with a visible character. Kept composed (NFC) and trimmed.
    #[schema(value_type = String, min_length = 1, max_length = 50, example = "3호 (8~10인)")]
    name: OptionName,
    price: Price,
    /// How many pieces are on hand.
    quantity: OnHand,
}

impl From<AddOptionError> for Problem {
    fn from(error: AddOptionError) -> Self {
        match error {
            AddOptionError::Edit(error) => error.into(),
            AddOptionError::NameTaken => Self::new(Code::OptionNameTaken),
            AddOptionError::TooMany => Self::new(Code::TooManyOptions),
            AddOptionError::Keep(error) => error.into(),
            AddOptionError::Database(_) => Self::database(error),
        }
    }
}

problem::respond!(AddOptionError);
problem::refusals!(
    Refusals: MalformedJson, ValidationFailed, InvalidParameter, IdempotencyKeyInvalid, Unauthenticated, WrongRole, NotFound,
    IdempotencyKeyInUse, OptionNameTaken,
    TooManyOptions, PreconditionFailed, BodyTooLarge, UnsupportedMediaType, IdempotencyKeyReused
);

/// Add an option to your item
#[utoipa::path(
    post,
    path = "/api/store/items/{itemId}/options",
    tag = "options",
    security(("bearer" = [])),
    params(("itemId" = Uuid, Path), IfMatch, ("Idempotency-Key" = Option<String>, Header, description = "A new random key for each option", min_length = 1, max_length = 255)),
    request_body = Request,
    responses(
        (status = CREATED, description = "The new option", body = OptionBody, headers(("ETag" = String, description = "The item's: changes with every edit of it and its options, and with their stock"))),
        Refusals
    )
)]
pub(crate) async fn option_create(
    State(state): State<AppState>,
    edit: SellerEdit,
    Path(item_id): Path<Uuid>,
    claim: Option<Claim>,
    Json(request): Json<Request>,
) -> Result<KeptAnswer, AddOptionError> {
    let Request { name, price, quantity } = request;
    let new = NewOption { name, price, quantity };
    let reply = Reply::new(claim, move |added: EditedOption| -> Tagged<Created<OptionBody>> {
        // An option has no route of its own: its item shows it.
        let location = format!("/api/store/items/{item_id}");
        tagged(&added.item_tag, Created { location, body: added.option.into() })
    });
    add_option(&state.database, &state.clock, edit, item_id, new, reply).await
}
