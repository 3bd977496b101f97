//! `POST /api/order/settlement-runs`

use access::Admin;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use garde::Validate;
use http::{StatusCode, header};
use problem::{Code, Json, Problem};
use serde::Deserialize;
use tokio::time::timeout;
use tracing::Instrument;
use utoipa::ToSchema;

use super::settlement_run_body::RunBody;
use crate::batch::{Cause, Quiet, RunError};
use crate::settlement::day::BusinessDay;
use crate::settlement::settler::{SettleError, Settled};
use crate::state::AppState;

problem::refusals!(Refusals:
    MalformedJson, ValidationFailed, Unauthenticated, WrongRole, DayNotOver, SettlementRunning, BodyTooLarge,
    UnsupportedMediaType);

/// What to settle.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewSettlementRun)]
pub(crate) struct Request {
    /// A business day, in Asia/Seoul, that is over.
    #[garde(skip)]
    day: BusinessDay,
}

impl From<SettleError> for Problem {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::DayNotOver(_) => Problem::new(Code::DayNotOver),
            SettleError::Run(RunError::Busy { .. }) => Problem::new(Code::SettlementRunning),
            SettleError::Run(RunError::LeaseLost) => Problem::unavailable(error),
            SettleError::Run(RunError::AlreadyComplete(_) | RunError::Database(_))
            | SettleError::Database(_) => database::problem(error),
        }
    }
}
problem::respond!(SettleError);

/// Settle a day
///
/// Settles it now, after those before it that are not settled. Days are settled by themselves every night; this is for one
/// whose run has failed, once the reason is mended. A day that is settled is left as it is.
///
/// The run goes on when nobody waits for it. The answer is the run as it stands when it ends, or after a few seconds; of an
/// earlier day, where that one did not come to its end.
#[utoipa::path(
    post,
    path = "/api/order/settlement-runs",
    tag = "settlement runs",
    security(("bearer" = [])),
    request_body = Request,
    responses(
        (status = OK, description = "The run that settled the day before", body = RunBody),
        (status = CREATED, description = "The run, at its end", body = RunBody,
            headers(("Location" = String, description = "The path of the day's runs"))),
        (status = ACCEPTED, description = "The run goes on; null where it has not begun", body = Option<RunBody>,
            headers(("Location" = String, description = "The path of the day's runs"))),
        Refusals,
    ),
)]
pub(crate) async fn settlement_run_create(
    State(app): State<AppState>,
    Admin(admin): Admin,
    Json(request): Json<Request>,
) -> Result<Response, SettleError> {
    let day = request.day;
    tracing::info!(%day, admin_id = %admin.member_id.0, "an administrator asks for a settlement");
    let settler = app.settler.clone();
    let run = async move { settler.settle_through(day, Cause::Request, &Quiet).await };
    let task = app.background.spawn(run.in_current_span());
    let location = |day| [(header::LOCATION, format!("/api/order/settlement-runs?day={day}"))];
    match timeout(app.rules.checkout.answer_within(), task).await {
        Ok(Ok(settled)) => {
            let Settled { execution, is_new } = settled?;
            let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
            Ok((status, location(day), Json(RunBody::from(execution))).into_response())
        }
        Ok(Err(stopped)) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
        // It goes on, or the process ends; either way the records say what becomes of it.
        Ok(Err(_)) | Err(_) => {
            let now = app.settler.runs(None, None, 1).await?.pop().map(RunBody::from);
            Ok((StatusCode::ACCEPTED, location(day), Json(now)).into_response())
        }
    }
}
