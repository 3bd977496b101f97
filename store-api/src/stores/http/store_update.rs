//! `PATCH /api/store/stores/{storeId}`: edit a store.

use axum::extract::State;
use garde::Validate;
use idempotency::{Claim, KeptAnswer, Reply};
use problem::{Code, Json, Path, Problem};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::bodies::StoreBody;
use crate::shared::http::etag::{IfMatch, Tagged, tagged};
use crate::shared::{Description, Patch, SellerEdit, StoreName, WebAddress, present};
use crate::state::AppState;
use crate::stores::{EditStoreError, Store, StoreEdit, edit_store};

/// A missing member changes nothing.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = StoreChange)]
pub(crate) struct Request {
    /// On one line, with a visible character. Kept composed (NFC) and trimmed.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 50, example = "달콤상점 본점")]
    name: Option<StoreName>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    description: Option<Description>,
    /// Null removes it.
    #[serde(default)]
    #[schema(value_type = Option<WebAddress>)]
    thumbnail_url: Patch<WebAddress>,
}

impl From<EditStoreError> for Problem {
    fn from(error: EditStoreError) -> Self {
        match error {
            EditStoreError::Edit(error) => error.into(),
            EditStoreError::NameTaken => Self::new(Code::StoreNameTaken),
            EditStoreError::Keep(error) => error.into(),
            EditStoreError::Database(_) => Self::database(error),
        }
    }
}

problem::respond!(EditStoreError);
problem::refusals!(
    Refusals: MalformedJson, ValidationFailed, InvalidParameter, IdempotencyKeyInvalid, Unauthenticated, WrongRole, NotFound,
    IdempotencyKeyInUse, StoreNameTaken,
    PreconditionFailed, BodyTooLarge, UnsupportedMediaType, IdempotencyKeyReused
);

/// Edit your store
#[utoipa::path(
    patch,
    path = "/api/store/stores/{storeId}",
    tag = "stores",
    security(("bearer" = [])),
    params(("storeId" = Uuid, Path), IfMatch, ("Idempotency-Key" = Option<String>, Header, description = "A new random key for each change", min_length = 1, max_length = 255)),
    request_body = Request,
    responses(
        (status = OK, description = "The store as it is now", body = StoreBody, headers(("ETag" = String, description = "Changes with every edit"))),
        Refusals
    )
)]
pub(crate) async fn store_update(
    State(state): State<AppState>,
    edit: SellerEdit,
    Path(store_id): Path<Uuid>,
    claim: Option<Claim>,
    Json(request): Json<Request>,
) -> Result<KeptAnswer, EditStoreError> {
    let Request { name, description, thumbnail_url } = request;
    let change = StoreEdit { name, description, thumbnail_url };
    let reply = Reply::new(claim, edited);
    edit_store(&state.database, &state.clock, edit, store_id, change, reply).await
}

fn edited(store: Store) -> Tagged<Json<StoreBody>> {
    tagged(&store.entity_tag(), Json(store.into()))
}
