//! `GET /api/order/settlements`

use access::Seller;
use axum::extract::State;
use garde::Validate;
use money::Won;
use paging::{OwnList, Page, PageParameters};
use problem::range::{not_after, not_before};
use problem::{Json, Problem};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::settlement::day::BusinessDay;
use crate::settlement::db::settlements::{self, Filter};
use crate::settlement::seller_settlement::{Settlement, SettlementStatus};
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, BadCursor, Unauthenticated, WrongRole);

/// Which of your settlements.
#[derive(Debug, Deserialize, Serialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListFilter {
    /// Only settlements of this business day, in Asia/Seoul, or later. Not after `to`.
    #[garde(inner(custom(not_after("to", self.to.as_ref()))))]
    #[param(inline)]
    from: Option<BusinessDay>,
    /// Only settlements of this business day, in Asia/Seoul, or earlier.
    #[garde(inner(custom(not_before("from", self.from.as_ref()))))]
    #[param(inline)]
    to: Option<BusinessDay>,
    /// Only settlements in this state.
    #[param(inline)]
    status: Option<SettlementStatus>,
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

/// List your settlements
///
/// One for each business day with a sale or a refund, the newest first. A day is settled in the following night.
#[utoipa::path(
    get,
    path = "/api/order/settlements",
    tag = "settlements",
    security(("bearer" = [])),
    params(ListFilter, PageParameters),
    responses((status = OK, description = "A page of settlements", body = Page<SettlementBody>), Refusals),
)]
pub(crate) async fn settlement_list(
    State(app): State<AppState>,
    Seller(seller): Seller,
    list: OwnList<ListFilter, BusinessDay>,
) -> Result<Json<Page<SettlementBody>>, Problem> {
    let list = list.of(seller.member_id)?;
    let ListFilter { from, to, status } = list.filter;
    let (filter, rows) = (Filter { from, to, status, before: list.after }, list.rows_to_fetch());
    let read = app.database.read("settlement_list", move |connection| {
        Box::pin(async move { settlements::list(connection, seller.member_id, &filter, rows).await })
    });
    let page = list.page(read.await?, |last| last.day);
    Ok(Json(page.map(SettlementBody::from)))
}
