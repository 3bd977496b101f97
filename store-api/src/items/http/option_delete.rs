//! `DELETE /api/store/items/{itemId}/options/{optionId}`: delete an option.

use axum::extract::State;
use http::StatusCode;
use problem::{Code, Path, Problem};
use uuid::Uuid;

use crate::items::{RemoveOptionError, remove_option};
use crate::shared::SellerEdit;
use crate::shared::http::etag::IfMatch;
use crate::state::AppState;

impl From<RemoveOptionError> for Problem {
    fn from(error: RemoveOptionError) -> Self {
        match error {
            RemoveOptionError::Edit(error) => error.into(),
            RemoveOptionError::NoOption => Self::new(Code::NotFound),
            RemoveOptionError::Last => Self::new(Code::LastOption),
            RemoveOptionError::Database(_) => Self::database(error),
        }
    }
}

problem::respond!(RemoveOptionError);
problem::refusals!(Refusals: InvalidParameter, Unauthenticated, WrongRole, NotFound, LastOption, PreconditionFailed);

/// Delete an option of your item
///
/// Orders that hold or have bought pieces of it are not affected.
#[utoipa::path(
    delete,
    path = "/api/store/items/{itemId}/options/{optionId}",
    tag = "options",
    security(("bearer" = [])),
    params(("itemId" = Uuid, Path), ("optionId" = Uuid, Path), IfMatch),
    responses((status = NO_CONTENT, description = "The option is deleted"), Refusals)
)]
pub(crate) async fn option_delete(
    State(state): State<AppState>,
    edit: SellerEdit,
    Path(path): Path<(Uuid, Uuid)>,
) -> Result<StatusCode, RemoveOptionError> {
    remove_option(&state.database, &state.clock, edit, path).await?;
    Ok(StatusCode::NO_CONTENT)
}
