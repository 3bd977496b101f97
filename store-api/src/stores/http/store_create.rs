//! `POST /api/store/stores`: open a store.

use access::Seller;
use axum::extract::State;
use garde::Validate;
use idempotency::{Claim, KeptAnswer, Reply};
use problem::{Code, Created, Json, Problem};
use serde::Deserialize;
use utoipa::ToSchema;

use super::bodies::StoreBody;
use crate::shared::http::etag::{Tagged, tagged};
use crate::shared::{Description, StoreName, WebAddress};
use crate::state::AppState;
use crate::stores::{NewStore, OpenStoreError, Store, open_store};

#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = NewStore)]
pub(crate) struct Request {
    /// Unique among the live stores. On one line, with a visible character. Kept composed (NFC) and trimmed.
    #[schema(value_type = String, min_length = 1, max_length = 50, example = "달콤상점")]
    name: StoreName,
    description: Description,
    thumbnail_url: Option<WebAddress>,
}

impl From<OpenStoreError> for Problem {
    fn from(error: OpenStoreError) -> Self {
        match error {
            OpenStoreError::NameTaken => Self::new(Code::StoreNameTaken),
            OpenStoreError::AccountClosed => Self::new(Code::AccountClosed),
            OpenStoreError::Keep(error) => error.into(),
            OpenStoreError::Database(_) => Self::database(error),
        }
    }
}

problem::respond!(OpenStoreError);
problem::refusals!(
    Refusals: MalformedJson, ValidationFailed, IdempotencyKeyInvalid, Unauthenticated, WrongRole, IdempotencyKeyInUse, StoreNameTaken, AccountClosed, BodyTooLarge,
    UnsupportedMediaType, IdempotencyKeyReused
);

/// Open a store
///
/// A seller may have any number of stores.
#[utoipa::path(
    post,
    path = "/api/store/stores",
    tag = "stores",
    security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A new random key for each store", min_length = 1, max_length = 255)),
    request_body = Request,
    responses(
        (status = CREATED, description = "The new store", body = StoreBody, headers(("ETag" = String, description = "Changes with every edit"))),
        Refusals
    )
)]
pub(crate) async fn store_create(
    State(state): State<AppState>,
    Seller(seller): Seller,
    claim: Option<Claim>,
    Json(request): Json<Request>,
) -> Result<KeptAnswer, OpenStoreError> {
    let Request { name, description, thumbnail_url } = request;
    let new = NewStore { name, description, thumbnail_url };
    let reply = Reply::new(claim, created);
    open_store(&state.database, &state.clock, seller.member_id, new, reply).await
}

fn created(store: Store) -> Tagged<Created<StoreBody>> {
    let location = format!("/api/store/stores/{}", store.id);
    tagged(&store.entity_tag(), Created { location, body: store.into() })
}
