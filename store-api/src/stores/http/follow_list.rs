//! `GET /api/store/me/follows`: the stores that a customer follows.

use access::Customer;
use axum::extract::State;
use garde::Validate;
use paging::{Cursor, Limit, Page};
use problem::{Json, Problem, Query};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::IntoParams;
use uuid::Uuid;

use super::bodies::StoreBody;
use crate::state::AppState;
use crate::stores::db::follows;

#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    #[param(inline)]
    limit: Option<Limit>,
    #[param(inline)]
    cursor: Option<Cursor>,
}

/// The cursor: the next page begins after this follow.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    #[serde(with = "time::serde::rfc3339")]
    followed_at: OffsetDateTime,
    store_id: Uuid,
}

problem::refusals!(Refusals: InvalidParameter, BadCursor, Unauthenticated, WrongRole);

/// List the stores that you follow
///
/// The latest follow comes first.
#[utoipa::path(
    get,
    path = "/api/store/me/follows",
    tag = "stores",
    security(("bearer" = [])),
    params(ListQuery),
    responses((status = OK, description = "A page of stores", body = Page<StoreBody>), Refusals)
)]
pub(crate) async fn follow_list(
    State(state): State<AppState>,
    Customer(customer): Customer,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<StoreBody>>, Problem> {
    let after: Option<After> = query.cursor.as_ref().map(Cursor::key).transpose()?;
    let after = after.map(|After { followed_at, store_id }| follows::After { followed_at, store_id });
    let limit = query.limit.unwrap_or_default();
    let list = state.database.read("follow_list", move |connection| {
        Box::pin(follows::of_member(connection, customer.member_id.0, after, limit.rows_to_fetch()))
    });
    let rows = list.await?;
    let page = Page::from_rows(rows, limit, |(store, followed_at)| After {
        followed_at: *followed_at,
        store_id: store.id,
    });
    Ok(Json(page.map(|(store, _)| store.into())))
}
