//! `PUT /internal/reservations/{orderId}`, `POST …/confirm` and `POST …/release`: stock for orders.
//!
//! Only services call these routes, so they are not in the OpenAPI document. Their bodies are types of the crate
//! `store-client`.

use axum::Router;
use axum::extract::State;
use axum::routing::{post, put};
use problem::{Code, Fault, Json, Path, Problem};
use store_client::{RESERVATIONS_PATH, Reservation, ReserveRequest, SHORTAGES_MEMBER};
use uuid::Uuid;

use crate::state::AppState;
use crate::stock::reservation::{Lines, LinesFault};
use crate::stock::{ConfirmError, ReleaseError, ReserveError, confirm, release, reserve};

/// The routes.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route(&format!("{RESERVATIONS_PATH}/{{order_id}}"), put(reservation_put))
        .route(&format!("{RESERVATIONS_PATH}/{{order_id}}/confirm"), post(reservation_confirm))
        .route(&format!("{RESERVATIONS_PATH}/{{order_id}}/release"), post(reservation_release))
}

impl From<ReserveError> for Problem {
    fn from(error: ReserveError) -> Self {
        match error {
            ReserveError::OutOfStock(shortages) => {
                Self::new(Code::OutOfStock).extra(SHORTAGES_MEMBER, &shortages)
            }
            ReserveError::Expired => Self::new(Code::ReservationExpired),
            ReserveError::TooLong => refused("/expiresAt", "is more than a day from now"),
            ReserveError::Mismatch => Self::new(Code::ReservationMismatch),
            ReserveError::Database(_) => Self::database(error),
        }
    }
}

impl From<ConfirmError> for Problem {
    fn from(error: ConfirmError) -> Self {
        match error {
            ConfirmError::NotFound => Self::new(Code::NotFound),
            ConfirmError::Expired => Self::new(Code::ReservationExpired),
            ConfirmError::Database(_) => Self::database(error),
        }
    }
}

impl From<ReleaseError> for Problem {
    fn from(error: ReleaseError) -> Self {
        match error {
            ReleaseError::Confirmed => Self::new(Code::ReservationConfirmed),
            ReleaseError::Database(_) => Self::database(error),
        }
    }
}

problem::respond!(ConfirmError, ReleaseError);

fn refused(pointer: &str, detail: &str) -> Problem {
    Problem::new(Code::ValidationFailed).detail("the body has 1 fault").fault(Fault::invalid(pointer, detail))
}

/// Holds stock for an order.
async fn reservation_put(
    State(state): State<AppState>,
    Path(order_id): Path<Uuid>,
    Json(request): Json<ReserveRequest>,
) -> Result<Json<Reservation>, Problem> {
    let lines = Lines::of(&request.lines).map_err(|LinesFault::Repeated(position)| {
        refused(&format!("/lines/{position}/optionId"), "is the option of an earlier line")
    })?;
    Ok(Json(reserve(&state.database, &state.clock, order_id, lines, request.expires_at).await?))
}

/// Makes the held stock of an order sold.
async fn reservation_confirm(
    State(state): State<AppState>,
    Path(order_id): Path<Uuid>,
) -> Result<Json<Reservation>, ConfirmError> {
    confirm(&state.database, &state.clock, order_id).await.map(Json)
}

/// Puts the held stock of an order back on sale.
async fn reservation_release(
    State(state): State<AppState>,
    Path(order_id): Path<Uuid>,
) -> Result<Json<Reservation>, ReleaseError> {
    release(&state.database, &state.clock, order_id).await.map(Json)
}
