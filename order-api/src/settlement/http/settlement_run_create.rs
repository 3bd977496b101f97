//! `POST /api/order/settlement-runs`
//!
//! It honours an Idempotency-Key and needs no operation id: a day is settled once, whoever asks for it, and a request that was
//! interrupted goes on where the day's last run has stopped.

use access::Admin;
use axum::extract::State;
use garde::Validate;
use http::StatusCode;
use problem::{Code, Created, Json, Problem};
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::settlement_run_body::RunBody;
use crate::batch::{Cause, NoListener, RunError};
use crate::settlement::day::BusinessDay;
use crate::settlement::settler::{SettleError, Settled};
use crate::state::AppState;

problem::refusals!(Refusals:
    MalformedJson, ValidationFailed, IdempotencyKeyInvalid, Unauthenticated, WrongRole, IdempotencyKeyInUse, DayNotOver,
    SettlementRunning, BodyTooLarge, UnsupportedMediaType, IdempotencyKeyReused);

/// Which day to settle.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewSettlementRun)]
pub(crate) struct Request {
    /// A business day in Asia/Seoul that is over.
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
            | SettleError::Database(_) => Problem::database(error),
        }
    }
}
problem::respond!(SettleError);

/// Settle a day
///
/// Settles the day now, after the days before it that are not settled. Every day is settled automatically in the following
/// night; use this for a day whose run has failed, when the cause is repaired. A settled day stays as it is.
///
/// The answer is the run when it has ended, or as it is after a few seconds. The run goes on also if the client does not
/// wait. If the run of an earlier day does not complete, the answer is that run.
#[utoipa::path(
    post,
    path = "/api/order/settlement-runs",
    tag = "settlement runs",
    security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A new random key for each run", min_length = 1, max_length = 255)),
    request_body = Request,
    responses(
        (status = OK, description = "The run that has settled the day earlier", body = RunBody),
        (status = CREATED, description = "The run, which has ended", body = RunBody,
            headers(("Location" = String, description = "The path of the day's runs"))),
        (status = ACCEPTED, description = "The run, which goes on; null if it has not begun", body = Option<RunBody>,
            headers(("Location" = String, description = "The path of the day's runs"))),
        Refusals,
    ),
)]
pub(crate) async fn settlement_run_create(
    State(app): State<AppState>,
    Admin(admin): Admin,
    Json(request): Json<Request>,
) -> Result<(StatusCode, Created<Option<RunBody>>), SettleError> {
    let day = request.day;
    tracing::info!(%day, admin_id = %admin.member_id.0, "an administrator starts a settlement");
    let settler = app.settler.clone();
    let run = async move { settler.settle_through(day, Cause::Request, &NoListener).await };
    let deadline = Instant::now() + app.rules.checkout.get().answer_within();
    let (status, execution) = match jobs::try_now(&app.background, deadline, run).await {
        Some(settled) => {
            let Settled { execution, is_new } = settled?;
            (if is_new { StatusCode::CREATED } else { StatusCode::OK }, Some(execution))
        }
        // The run goes on, or the process shuts down. In both cases its records tell how it ends.
        None => (StatusCode::ACCEPTED, app.settler.runs(None, None, 1).await?.pop()),
    };
    let location = format!("/api/order/settlement-runs?day={day}");
    Ok((status, Created { location, body: execution.map(RunBody::from) }))
}
