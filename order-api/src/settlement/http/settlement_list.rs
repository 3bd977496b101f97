//! `GET /api/order/settlements`

use access::Seller;
use axum::extract::State;
use garde::Validate;
use money::Won;
use paging::{Cursor, Limit, Page};
use problem::{Json, Problem, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::settlement::day::BusinessDay;
use crate::settlement::db::settlements::{self, Filter};
use crate::settlement::seller_settlement::{Settlement, SettlementStatus};
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, BadCursor, Unauthenticated, WrongRole);

#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only settlements of this business day, in Asia/Seoul, or later.
    #[garde(skip)]
    #[param(inline)]
    from: Option<BusinessDay>,
    /// Only settlements of this business day, in Asia/Seoul, or earlier.
    #[garde(skip)]
    #[param(inline)]
    to: Option<BusinessDay>,
    /// Only settlements in this state.
    #[garde(skip)]
    #[param(inline)]
    status: Option<SettlementStatus>,
    #[garde(skip)]
    #[param(inline)]
    limit: Option<Limit>,
    #[garde(skip)]
    #[param(inline)]
    cursor: Option<Cursor>,
}

/// The total of one of your business days.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Settlement)]
pub(crate) struct SettlementBody {
    day: BusinessDay,
    /// The amount of the order lines that were paid on the day, in won.
    gross: Won,
    /// The amount of refunds, in won: of lines of this day, or of earlier days that were settled before the refund.
    refunds: Won,
    /// Gross less refunds, in won. It may be below zero.
    net: Won,
    status: SettlementStatus,
    /// The payout that pays it, or has paid it.
    payout_id: Option<Uuid>,
}

impl From<Settlement> for SettlementBody {
    fn from(settlement: Settlement) -> Self {
        Self {
            day: settlement.day,
            gross: settlement.gross,
            refunds: settlement.refunds,
            net: settlement.net(),
            status: settlement.status,
            payout_id: settlement.payout_id,
        }
    }
}

/// The cursor: the last settlement of the page.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Before {
    settlement: BusinessDay,
}

/// List your settlements
///
/// One for each business day with a sale or a refund, the newest first. A day is settled in the following night.
#[utoipa::path(
    get,
    path = "/api/order/settlements",
    tag = "settlements",
    security(("bearer" = [])),
    params(ListQuery),
    responses((status = OK, description = "A page of settlements", body = Page<SettlementBody>), Refusals),
)]
pub(crate) async fn settlement_list(
    State(app): State<AppState>,
    Seller(seller): Seller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<SettlementBody>>, Problem> {
    let before: Option<Before> = query.cursor.as_ref().map(Cursor::key).transpose()?;
    let limit = query.limit.unwrap_or_default();
    let filter = Filter {
        from: query.from,
        to: query.to,
        status: query.status,
        before: before.map(|before| before.settlement),
    };
    let (seller_id, rows) = (seller.member_id, limit.rows_to_fetch());
    let list = app.database.read("settlement_list", move |connection| {
        Box::pin(async move { settlements::list(connection, seller_id, &filter, rows).await })
    });
    let rows = list.await?;
    let page = Page::from_rows(rows, limit, |last| Before { settlement: last.day });
    Ok(Json(page.map(SettlementBody::from)))
}
