//! `GET /api/store/me/hearts`: the items that have the heart of a customer.

use access::Customer;
use axum::extract::State;
use garde::Validate;
use paging::{Cursor, Limit, Page};
use problem::{Json, Problem, Query};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::IntoParams;
use uuid::Uuid;

use super::bodies::ItemBody;
use crate::items::db::hearts;
use crate::state::AppState;

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

/// The cursor: the next page begins after this heart.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    #[serde(with = "time::serde::rfc3339")]
    hearted_at: OffsetDateTime,
    item_id: Uuid,
}

problem::refusals!(Refusals: InvalidParameter, BadCursor, Unauthenticated, WrongRole);

/// List the items that have your heart
///
/// The latest heart comes first.
#[utoipa::path(
    get,
    path = "/api/store/me/hearts",
    tag = "items",
    security(("bearer" = [])),
    params(ListQuery),
    responses((status = OK, description = "A page of items", body = Page<ItemBody>), Refusals)
)]
pub(crate) async fn heart_list(
    State(state): State<AppState>,
    Customer(customer): Customer,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<ItemBody>>, Problem> {
    let after: Option<After> = query.cursor.as_ref().map(Cursor::key).transpose()?;
    let after = after.map(|After { hearted_at, item_id }| hearts::After { hearted_at, item_id });
    let limit = query.limit.unwrap_or_default();
    let list = state.database.read("heart_list", move |connection| {
        Box::pin(hearts::of_member(connection, customer.member_id.0, after, limit.rows_to_fetch()))
    });
    let rows = list.await?;
    let page = Page::from_rows(rows, limit, |(item, hearted_at)| After {
        hearted_at: *hearted_at,
        item_id: item.id,
    });
    Ok(Json(page.map(|(item, _)| item.into())))
}
