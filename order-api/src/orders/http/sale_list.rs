//! `GET /api/order/sales`

use access::Seller;
use axum::extract::State;
use garde::Validate;
use paging::{Cursor, Limit, Page};
use problem::{Json, Problem, Query};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

use super::sale_body::SaleBody;
use crate::db::SortKey;
use crate::orders::db::sales::{self, Filter, Sale};
use crate::orders::line::LineStatus;
use crate::settlement::day::BusinessDay;
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, BadCursor, Unauthenticated, WrongRole);

#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only sales of this store.
    #[garde(skip)]
    store_id: Option<Uuid>,
    /// Only sales of this business day, in Asia/Seoul, or later.
    #[garde(skip)]
    #[param(inline)]
    from: Option<BusinessDay>,
    /// Only sales of this business day, in Asia/Seoul, or earlier.
    #[garde(skip)]
    #[param(inline)]
    to: Option<BusinessDay>,
    /// Only sales with this status.
    #[garde(skip)]
    #[param(inline)]
    status: Option<LineStatus>,
    #[garde(skip)]
    #[param(inline)]
    limit: Option<Limit>,
    #[garde(skip)]
    #[param(inline)]
    cursor: Option<Cursor>,
}

/// The cursor: the last sale of the page.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    sale: SortKey,
}

/// List your sales
///
/// The paid order lines of your stores, the newest first.
#[utoipa::path(
    get,
    path = "/api/order/sales",
    tag = "sales",
    security(("bearer" = [])),
    params(ListQuery),
    responses((status = OK, description = "A page of sales", body = Page<SaleBody>), Refusals),
)]
pub(crate) async fn sale_list(
    State(app): State<AppState>,
    Seller(seller): Seller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<SaleBody>>, Problem> {
    let after: Option<After> = query.cursor.as_ref().map(Cursor::key).transpose()?;
    let limit = query.limit.unwrap_or_default();
    let filter = Filter {
        store_id: query.store_id,
        from: query.from,
        to: query.to,
        status: query.status,
        after: after.map(|after| after.sale),
    };
    let (seller_id, rows) = (seller.member_id, limit.rows_to_fetch());
    let list = app.database.read("sale_list", move |connection| {
        Box::pin(async move { sales::list(connection, seller_id, &filter, rows).await })
    });
    let rows = list.await?;
    let page = Page::from_rows(rows, limit, |last| After { sale: Sale::sort_key(last) });
    Ok(Json(page.map(SaleBody::from)))
}
