//! Lists by page: `?limit=` and `?cursor=` in, `{"items": […], "nextCursor": …}` out.
//!
//! Paging is by keyset: a cursor holds the position of the last row that was shown. So rows that come or go meanwhile make
//! neither a gap nor a repeat, and the last page costs as much as the first. Clients treat a cursor as opaque.
//!
//! | item | owns |
//! |---|---|
//! | [`List`] | the extractor of a list that everybody sees |
//! | [`OwnList`] | the extractor of a list that belongs to one owner, for example a member |
//! | [`Question`] | which list, whose, and with which filter and sort; it makes cursors and refuses those of another question |
//! | [`Position`] | what a cursor holds, and whether a row can have it |
//! | [`TimePosition`] | the position in a list that is sorted by time |
//! | [`Page`] | the answer |
//! | [`PageParameters`] | `limit` and `cursor` in the OpenAPI document |
//!
//! # A handler
//! A filter is a type of its own, without `limit` and `cursor`. Unknown parameters are refused, and every fault of the query
//! is reported at once (see [`problem::Parameters`]).
//!
//! ```
//! use paging::{OwnList, Page, PageParameters, TimePosition};
//! use problem::{Json, Problem};
//! use serde::{Deserialize, Serialize};
//! use time::OffsetDateTime;
//! use uuid::Uuid;
//!
//! #[derive(Debug, Deserialize, Serialize, garde::Validate, utoipa::IntoParams)]
//! #[serde(rename_all = "camelCase", deny_unknown_fields)]
//! #[into_params(parameter_in = Query)]
//! struct Filter {
//!     /// Only orders in this state.
//!     #[garde(length(max = 20))]
//!     status: Option<String>,
//! }
//!
//! # #[derive(Serialize, utoipa::ToSchema)]
//! # struct Order { id: Uuid, #[serde(with = "time::serde::rfc3339")] created_at: OffsetDateTime }
//! # fn rows(_: Uuid, _: &Filter, _: Option<TimePosition>, _: u32) -> Vec<Order> { Vec::new() }
//! # struct Customer(Uuid);
//! #[utoipa::path(
//!     get,
//!     path = "/orders",
//!     params(Filter, PageParameters),
//!     responses((status = OK, description = "A page of orders", body = Page<Order>))
//! )]
//! async fn order_list(
//!     Customer(customer): Customer,
//!     list: OwnList<Filter, TimePosition>,
//! ) -> Result<Json<Page<Order>>, Problem> {
//!     let list = list.of(customer)?;
//!     let rows = rows(customer, &list.filter, list.after, list.rows_to_fetch());
//!     Ok(Json(list.page(rows, |order| TimePosition { at: order.created_at, id: order.id })))
//! }
//! ```

mod limit;
mod list;
mod page;
mod position;
mod question;

pub use limit::Limit;
pub use list::{List, NoFilter, OwnList, PageParameters};
pub use page::Page;
pub use position::{Position, TimePosition, microseconds};
pub use question::Question;
