//! `PATCH /api/store/items/{itemId}/options/{optionId}`: edit an option and its stock.

use axum::extract::State;
use garde::Validate;
use idempotency::{Claim, KeptAnswer, Reply};
use problem::{Code, Fault, Json, Path, Problem};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::bodies::OptionBody;
use crate::items::{
    EditOptionError, EditedOption, MAX_ON_HAND, OnHand, OptionEdit, Price, StockChange, StockOutOfRange,
    edit_option,
};
use crate::shared::http::etag::{IfMatch, Tagged, tagged};
use crate::shared::{OptionName, SellerEdit, present};
use crate::state::AppState;

/// A missing member changes nothing.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = OptionChange)]
pub(crate) struct Request {
    /// On one line, with a visible character. Kept composed (NFC) and trimmed.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 50, example = "2호 (6~8인)")]
    name: Option<OptionName>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    price: Option<Price>,
    /// How many pieces are on hand now, without the pieces that orders have reserved.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    quantity: Option<OnHand>,
    /// How many pieces to add, or, if negative, to take away. Not together with `quantity`. Several changes at the same
    /// time, and sales, add up.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(range(min = -MAX_ON_HAND, max = MAX_ON_HAND)))]
    #[schema(nullable = false, minimum = -1_000_000, maximum = 1_000_000)]
    quantity_delta: Option<i64>,
}

impl Request {
    fn change(self) -> Result<OptionEdit, Problem> {
        let stock = match (self.quantity, self.quantity_delta) {
            (Some(_), Some(_)) => {
                let fault = Fault::invalid("/quantityDelta", "can't stand together with `quantity`");
                return Err(Problem::new(Code::ValidationFailed).detail("the body has 1 fault").fault(fault));
            }
            (Some(counted), None) => Some(StockChange::Set(counted)),
            (None, Some(delta)) => Some(StockChange::By(delta)),
            (None, None) => None,
        };
        Ok(OptionEdit { name: self.name, price: self.price, stock })
    }
}

impl From<EditOptionError> for Problem {
    fn from(error: EditOptionError) -> Self {
        match error {
            EditOptionError::Edit(error) => error.into(),
            EditOptionError::NoOption => Self::new(Code::NotFound),
            EditOptionError::NameTaken => Self::new(Code::OptionNameTaken),
            EditOptionError::StockOutOfRange(StockOutOfRange { on_hand }) => {
                Self::new(Code::StockOutOfRange).detail(format!("{on_hand} pieces are on hand"))
            }
            EditOptionError::Keep(error) => error.into(),
            EditOptionError::Database(_) => Self::database(error),
        }
    }
}

problem::refusals!(
    Refusals: MalformedJson, ValidationFailed, InvalidParameter, IdempotencyKeyInvalid, Unauthenticated, WrongRole, NotFound,
    IdempotencyKeyInUse, OptionNameTaken,
    StockOutOfRange, PreconditionFailed, BodyTooLarge, UnsupportedMediaType, IdempotencyKeyReused
);

/// Edit an option of your item
///
/// Existing orders keep the old name and price.
#[utoipa::path(
    patch,
    path = "/api/store/items/{itemId}/options/{optionId}",
    tag = "options",
    security(("bearer" = [])),
    params(("itemId" = Uuid, Path), ("optionId" = Uuid, Path), IfMatch, ("Idempotency-Key" = Option<String>, Header, description = "A new random key for each change", min_length = 1, max_length = 255)),
    request_body = Request,
    responses(
        (status = OK, description = "The option as it is now", body = OptionBody, headers(("ETag" = String, description = "The item's: changes with every edit of it and its options, and with their stock"))),
        Refusals
    )
)]
pub(crate) async fn option_update(
    State(state): State<AppState>,
    edit: SellerEdit,
    Path(path): Path<(Uuid, Uuid)>,
    claim: Option<Claim>,
    Json(request): Json<Request>,
) -> Result<KeptAnswer, Problem> {
    let change = request.change()?;
    let reply = Reply::new(claim, edited);
    Ok(edit_option(&state.database, &state.clock, edit, path, change, reply).await?)
}

fn edited(edited: EditedOption) -> Tagged<Json<OptionBody>> {
    tagged(&edited.item_tag, Json(edited.option.into()))
}
