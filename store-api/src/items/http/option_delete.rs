//! `DELETE /api/store/items/{itemId}/options/{optionId}`: taking an option off sale for good.

use access::Seller;
use axum::extract::State;
use http::StatusCode;
use problem::{Code, Path, Problem};
use uuid::Uuid;

use crate::items::{RemoveOptionError, remove_option};
use crate::shared::http::etag::IfMatch;
use crate::state::AppState;

impl From<RemoveOptionError> for Problem {
    fn from(error: RemoveOptionError) -> Self {
        match error {
            RemoveOptionError::NotFound => Self::new(Code::NotFound),
            RemoveOptionError::Changed => Self::new(Code::PreconditionFailed),
            RemoveOptionError::Last => Self::new(Code::LastOption),
            RemoveOptionError::Database(_) => database::problem(error),
        }
    }
}

problem::respond!(RemoveOptionError);
problem::refusals!(Refusals: InvalidParameter, Unauthenticated, WrongRole, NotFound, LastOption, PreconditionFailed);

/// Delete an option of your item
///
/// Orders that hold or bought pieces of it come to their end all the same.
#[utoipa::path(
    delete,
    path = "/api/store/items/{itemId}/options/{optionId}",
    tag = "options",
    security(("bearer" = [])),
    params(
        ("itemId" = Uuid, Path),
        ("optionId" = Uuid, Path),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the item as you read it"),
    ),
    responses((status = NO_CONTENT, description = "It is gone"), Refusals)
)]
pub(crate) async fn option_delete(
    State(state): State<AppState>,
    Seller(seller): Seller,
    Path(path): Path<(Uuid, Uuid)>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, RemoveOptionError> {
    remove_option(&state.database, &state.clock, seller.member_id, path, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
