//! `GET /api/member/me/wallet/entries`: lists the entries of the caller's wallet.

use access::Principal;
use axum::extract::State;
use garde::Validate;
use money::Won;
use paging::{Cursor, Limit, Page};
use problem::{Json, Problem, Query};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::state::AppState;
use crate::wallet::db::statements::{self, Entry, Filter};
use crate::wallet::{DateOrTime, Kind};

#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only entries of this kind.
    #[garde(skip)]
    #[param(inline)]
    kind: Option<Kind>,
    /// Only entries of this day in Asia/Seoul or later, or of this time or later.
    #[garde(skip)]
    #[param(value_type = Option<String>, example = "2026-11-01")]
    from: Option<DateOrTime>,
    /// Only entries of this day in Asia/Seoul or earlier, or before this time.
    #[garde(skip)]
    #[param(value_type = Option<String>, example = "2026-11-30")]
    to: Option<DateOrTime>,
    #[garde(skip)]
    #[param(inline)]
    limit: Option<Limit>,
    #[garde(skip)]
    #[param(inline)]
    cursor: Option<Cursor>,
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

/// The cursor: the last entry of the previous page.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    entry_no: i64,
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
    params(ListQuery),
    responses((status = OK, description = "A page of entries", body = Page<EntryBody>), Refusals)
)]
pub(crate) async fn entry_list(
    State(state): State<AppState>,
    principal: Principal,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<EntryBody>>, Problem> {
    let after: Option<After> = query.cursor.as_ref().map(Cursor::key).transpose()?;
    let limit = query.limit.unwrap_or_default();
    let filter = Filter {
        kind: query.kind,
        from: query.from.map(DateOrTime::start),
        to: query.to.map(DateOrTime::end),
        before: after.map(|after| after.entry_no),
    };
    let list = state.database.read("entry_list", move |connection| {
        Box::pin(statements::list(connection, principal.member_id, filter, limit.rows_to_fetch()))
    });
    let rows = list.await?;
    let page = Page::from_rows(rows, limit, |last| After { entry_no: last.entry_no });
    Ok(Json(page.map(EntryBody::from)))
}
