//! `GET /api/member/me/wallet/entries`: lists the entries of the caller's wallet.

use access::Principal;
use axum::extract::State;
use garde::Validate;
use money::Won;
use paging::{OwnList, Page, PageParameters};
use problem::range::{not_after, not_before};
use problem::{Json, Problem};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::state::AppState;
use crate::wallet::db::statements::{self, Entry, Filter};
use crate::wallet::{DateOrTime, Kind};

/// Which entries.
#[derive(Debug, Deserialize, Serialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListFilter {
    /// Only entries of this kind.
    #[param(inline)]
    kind: Option<Kind>,
    /// Only entries of this day in Asia/Seoul or later, or of this time or later. Not after `to`.
    #[garde(inner(custom(not_after("to", self.to.as_ref()))))]
    #[param(value_type = Option<String>, example = "2026-11-01")]
    from: Option<DateOrTime>,
    /// Only entries of this day in Asia/Seoul or earlier, or before this time.
    #[garde(inner(custom(not_before("from", self.from.as_ref()))))]
    #[param(value_type = Option<String>, example = "2026-11-30")]
    to: Option<DateOrTime>,
}

/// A change of the balance of a wallet.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Entry)]
pub(crate) struct EntryBody {
    /// The id of the transfer.
    id: Uuid,
    kind: Kind,
    /// Negative if money left the wallet.
    amount: Won,
    /// The balance after the change.
    balance_after: Won,
    /// What it was for: the id of an order or a payout; null for a charge.
    #[schema(required = true)]
    reference: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<Entry> for EntryBody {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.transfer_id,
            kind: entry.kind,
            amount: entry.amount,
            balance_after: entry.balance_after,
            reference: entry.reference,
            created_at: entry.created_at,
        }
    }
}

problem::refusals!(Refusals: InvalidParameter, BadCursor, Unauthenticated);

/// List the entries of your wallet
///
/// Newest first, in the order in which the balance changed.
#[utoipa::path(
    get,
    path = "/api/member/me/wallet/entries",
    tag = "wallet",
    security(("bearer" = [])),
    params(ListFilter, PageParameters),
    responses((status = OK, description = "A page of entries", body = Page<EntryBody>), Refusals)
)]
pub(crate) async fn entry_list(
    State(state): State<AppState>,
    principal: Principal,
    list: OwnList<ListFilter, i64>,
) -> Result<Json<Page<EntryBody>>, Problem> {
    let list = list.of(principal.member_id)?;
    let ListFilter { kind, from, to } = list.filter;
    let filter =
        Filter { kind, from: from.map(DateOrTime::start), to: to.map(DateOrTime::end), before: list.after };
    let rows = list.rows_to_fetch();
    let read = state.database.read("entry_list", move |connection| {
        Box::pin(statements::list(connection, principal.member_id, filter, rows))
    });
    let page = list.page(read.await?, |last| last.entry_no);
    Ok(Json(page.map(EntryBody::from)))
}
