//! The end of a closing: the other services are told that the account stays open, or that it is closed.
//!
//! Each of these can be repeated. If one fails, or the process dies, the worker of any instance does it again.

use std::time::Duration;

use database::Connection;
use jobs::Backoff;
use time::OffsetDateTime;
use tokio::time::timeout;

use super::closing::{Closing, LAST_REQUESTS, Phase};
use super::db;
use super::participants::AskError;
use crate::state::AppState;
use crate::{otp, sessions};

/// How long the answer to a member waits until the personal data is removed everywhere. The removal goes on after the answer.
const FORGET_WITHIN: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
enum EndError {
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error("it did not end within the lease")]
    OutOfTime,
    #[error("the closing could not be written")]
    Database(#[from] sqlx::Error),
}

/// Undoes what an attempt has done in other services. If this fails, the worker does it later.
pub(crate) async fn undo(state: &AppState, closing: Closing) {
    let undoing = Closing { phase: Phase::Undoing, ..closing };
    if closing.phase != Phase::Undoing {
        // After this is written, the worker undoes the closing if this process does not. If it can't be written, the worker does
        // so when the lease has run out.
        let due = closing.lease.until;
        match set_phase(state, closing, Phase::Undoing, Some(due)).await {
            Ok(true) => {}
            // Another process has claimed it; or the account is closed, and only the answer to the commit was lost.
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(member_id = %closing.member_id, %error, "could not undo the closing of an account; the worker does it later");
                return;
            }
        }
    }
    run_phase(state, undoing, async |state: &AppState| {
        state.participants.undo(&undoing).await?;
        set_phase(state, undoing, Phase::Open, None).await?;
        Ok(())
    })
    .await;
}

/// Asks the other services to remove the personal data, and waits a moment for it.
pub(crate) async fn forget_soon(state: &AppState, closing: Closing) {
    let (state, background) = (state.clone(), state.background.clone());
    let task = background.spawn(async move { forget(&state, closing).await });
    let _ = timeout(FORGET_WITHIN, task).await;
}

/// Asks the other services to remove the personal data, for the first time.
pub(crate) async fn forget(state: &AppState, closing: Closing) {
    run_phase(state, closing, async |state: &AppState| {
        state.trail.forget(closing.member_id).await?;
        state.participants.forget(&closing).await?;
        let last_token = state.clock.now() + state.tokens.access_lifetime();
        set_phase(state, closing, Phase::ForgettingAgain, Some(last_token + LAST_REQUESTS)).await?;
        Ok(())
    })
    .await;
}

/// Asks them once more, because the member's last requests may have written new data.
pub(crate) async fn forget_again(state: &AppState, closing: Closing) {
    run_phase(state, closing, async |state: &AppState| {
        state.trail.forget(closing.member_id).await?;
        state.participants.forget(&closing).await?;
        let now = state.clock.now();
        let end = state.database.run_tx("account_forget", move |connection| {
            Box::pin(async move { forget_in(connection, closing, now).await })
        });
        Ok(end.await?)
    })
    .await;
}

/// Removes the sessions and kept answers, which member-api had to keep until the last token expired.
async fn forget_in(connection: &mut Connection, closing: Closing, now: OffsetDateTime) -> sqlx::Result<()> {
    sessions::db::sessions::delete_of_member(connection, closing.member_id).await?;
    idempotency::forget(connection, closing.member_id).await?;
    // An older build that has closed the account does not know them.
    otp::db::delete(connection, closing.member_id).await?;
    db::set_phase(connection, closing, Phase::Forgotten, now, None).await.map(drop)
}

/// Does a step within the lease. If it fails, it is tried again after a pause.
async fn run_phase(
    state: &AppState,
    closing: Closing,
    step: impl AsyncFnOnce(&AppState) -> Result<(), EndError>,
) {
    let left = closing.lease.time_left(state.clock.now());
    let result = timeout(left, step(state)).await.unwrap_or(Err(EndError::OutOfTime));
    let (member_id, phase) = (closing.member_id, closing.phase.as_str());
    let Err(error) = result else {
        tracing::info!(%member_id, phase, "a phase of closing an account has ended");
        return;
    };
    let failures = closing.failures + 1;
    let error = telemetry::chain(&error);
    tracing::warn!(%member_id, phase, failures, error, "a phase of closing an account failed; it is tried again");
    metrics::counter!("account_closings_rescheduled_total", "phase" => phase).increment(1);
    let due = state.clock.now() + Backoff::FOR_CALLS.after(failures);
    let reschedule = state.database.run_autocommit("account_closing_reschedule", move |connection| {
        Box::pin(db::reschedule(connection, closing, due))
    });
    if let Err(error) = reschedule.await {
        // The lease runs out, and the closing is claimed again.
        tracing::debug!(%member_id, %error, "could not reschedule the closing of an account");
    }
}

/// Moves a closing to another phase. Returns false if the lease was lost: then another process does so.
async fn set_phase(
    state: &AppState,
    closing: Closing,
    phase: Phase,
    due: Option<OffsetDateTime>,
) -> sqlx::Result<bool> {
    let now = state.clock.now();
    let set_phase = state.database.run_autocommit("account_closing_enter", move |connection| {
        Box::pin(db::set_phase(connection, closing, phase, now, due))
    });
    set_phase.await
}
