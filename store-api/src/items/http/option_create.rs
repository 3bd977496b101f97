//! `POST /api/store/items/{itemId}/options`: adding an option to an item.

use access::Seller;
use axum::extract::State;
use garde::Validate;
use problem::{Code, Created, Json, Path, Problem};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::bodies::OptionBody;
use crate::items::{AddOptionError, NewOption, OnHand, Price, add_option};
use crate::shared::OptionName;
use crate::shared::http::etag::{IfMatch, Tagged, tagged};
use crate::state::AppState;

#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = AddedOption)]
pub(crate) struct Request {
    /// Unique within the item.
    #[schema(value_type = String, min_length = 1, max_length = 50, example = "3호 (8~10인)")]
    name: OptionName,
    price: Price,
    /// How many pieces there are.
    quantity: OnHand,
}

impl From<AddOptionError> for Problem {
    fn from(error: AddOptionError) -> Self {
        match error {
            AddOptionError::NotFound => Self::new(Code::NotFound),
            AddOptionError::Changed => Self::new(Code::PreconditionFailed),
            AddOptionError::NameTaken => Self::new(Code::OptionNameTaken),
            AddOptionError::TooMany => Self::new(Code::TooManyOptions),
            AddOptionError::Database(_) => database::problem(error),
        }
    }
}

problem::respond!(AddOptionError);
problem::refusals!(
    Refusals: MalformedJson, ValidationFailed, InvalidParameter, Unauthenticated, WrongRole, NotFound, OptionNameTaken,
    TooManyOptions, PreconditionFailed, BodyTooLarge, UnsupportedMediaType
);

/// Add an option to your item
#[utoipa::path(
    post,
    path = "/api/store/items/{itemId}/options",
    tag = "options",
    security(("bearer" = [])),
    params(
        ("itemId" = Uuid, Path),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the item as you read it"),
    ),
    request_body = Request,
    responses(
        (status = CREATED, description = "The new option", body = OptionBody, headers(("ETag" = String, description = "The item's version"))),
        Refusals
    )
)]
pub(crate) async fn option_create(
    State(state): State<AppState>,
    Seller(seller): Seller,
    Path(item_id): Path<Uuid>,
    IfMatch(expected): IfMatch,
    Json(request): Json<Request>,
) -> Result<Tagged<Created<OptionBody>>, AddOptionError> {
    let Request { name, price, quantity } = request;
    let new = NewOption { name, price, quantity };
    let added = add_option(&state.database, &state.clock, seller.member_id, item_id, expected, new).await?;
    // An option is shown with its item.
    let location = format!("/api/store/items/{item_id}");
    Ok(tagged(added.item_version, Created { location, body: added.option.into() }))
}
