//! Closing an account.
//!
//! It is closed if nothing is open in any service ([`super::closing`] has the phases). First each service is only asked, so
//! that a refusal changes nothing anywhere. Then each marks the member, so that nothing new begins, and is asked again. The
//! last step is one transaction here: it locks the wallet, which must be empty, and closes the account.
//!
//! The services look for open things in the order in which money flows: orders, refunds, settlements, payouts, and the wallet
//! last. So money that moves during the look is found at its next place.

use std::time::Duration;

use access::MemberId;
use account_closing::{Open, OpenKind};
use database::Connection;
use jobs::Lease;
use money::Won;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout};

use super::closing::{Closing, Phase};
use super::db;
use super::end_closing::{forget_soon, undo};
use super::participants::AskError;
use crate::client::Client;
use crate::members;
use crate::members::db::Existence;
use crate::otp;
use crate::security_events::{Kind, Outcome};
use crate::sessions;
use crate::sessions::throttle::Throttle;
use crate::state::AppState;
use crate::wallet::db::wallets;

/// How long a request waits for the decision. It is longer than all calls that the decision needs.
const ANSWER_WITHIN: Duration = Duration::from_secs(14);
/// How long to wait for unfinished orders if nothing else is open: an order that was just paid is finished a moment later.
const WAIT_FOR_ORDERS: Duration = Duration::from_secs(1);
/// How often to check whether another request has decided, or the orders are finished.
const POLL: Duration = Duration::from_millis(50);

/// Why an account was not closed.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// Something is open.
    #[error("something of the account is open")]
    NotSettled(Vec<Open>),
    /// There is no such account.
    #[error("there is no such account")]
    NoAccount,
    /// A service could not be asked. The account stays open.
    #[error("a service could not be asked")]
    Ask(#[from] AskError),
    /// The decision takes too long, here or in another process.
    #[error("it is not decided in time whether the account can be closed")]
    Undecided,
    /// The lease was lost: another process has claimed the closing, and undoes it.
    #[error("the lease of the closing was lost")]
    LeaseLost,
    /// The database failed, and the account is still open.
    #[error("the account could not be closed")]
    Database(#[from] sqlx::Error),
}

/// Closes an account if nothing of it is open. Succeeds for a closed account, so that the request can be sent again.
///
/// It runs in a separate task, so that an attempt that has begun is decided even if the client has gone.
pub async fn close_account(state: &AppState, member_id: MemberId) -> Result<(), CloseError> {
    let deadline = Instant::now() + ANSWER_WITHIN;
    let (close, background) = (decide_until(state.clone(), member_id, deadline), &state.background);
    let result = jobs::try_now(background, deadline, close).await.unwrap_or(Err(CloseError::Undecided));
    metrics::counter!("account_closings_total", "outcome" => label(&result)).increment(1);
    result
}

fn label(result: &Result<(), CloseError>) -> &'static str {
    match result {
        Ok(()) => "closed",
        Err(CloseError::NotSettled(_)) => "not_settled",
        Err(CloseError::NoAccount) => "no_account",
        Err(CloseError::Ask(_)) => "not_asked",
        Err(CloseError::Undecided | CloseError::LeaseLost) => "undecided",
        Err(CloseError::Database(_)) => "failed",
    }
}

async fn decide_until(state: AppState, member_id: MemberId, deadline: Instant) -> Result<(), CloseError> {
    match existence(&state, member_id).await? {
        Existence::Open => {}
        Existence::Closed => return Ok(()),
        Existence::Never => return Err(CloseError::NoAccount),
    }
    let wait_until = deadline.min(Instant::now() + WAIT_FOR_ORDERS);
    loop {
        let open = find_open(&state, member_id).await?;
        let are_orders = open.iter().all(|open| open.kind == OpenKind::OpenOrder);
        if open.is_empty() {
            break;
        }
        if !are_orders || Instant::now() >= wait_until {
            return Err(CloseError::NotSettled(open));
        }
        tokio::time::sleep(POLL).await;
    }
    while Instant::now() < deadline {
        match begin(&state, member_id).await? {
            Begun::Closing(closing) => return decide(&state, closing).await,
            Begun::ClosedAlready => return Ok(()),
            Begun::DecidedElsewhere => tokio::time::sleep(POLL).await,
        }
    }
    Err(CloseError::Undecided)
}

/// What is open now, without marks.
async fn find_open(state: &AppState, member_id: MemberId) -> Result<Vec<Open>, CloseError> {
    let elsewhere = state.participants.look(member_id).await?;
    let balance = state
        .database
        .read("wallet_show", move |connection| Box::pin(wallets::find_balance(connection, member_id)));
    Ok(with_wallet(balance.await?, elsewhere))
}

fn with_wallet(balance: Option<Won>, elsewhere: Vec<Open>) -> Vec<Open> {
    let balance = balance.filter(|balance| *balance != Won::ZERO);
    let wallet = balance.and_then(|balance| Open::with_amount(OpenKind::Wallet, 1, balance));
    wallet.into_iter().chain(elsewhere).collect()
}

async fn existence(state: &AppState, member_id: MemberId) -> sqlx::Result<Existence> {
    let find = state.database.read("member_existence", move |connection| {
        Box::pin(members::db::find_existence(connection, member_id))
    });
    find.await
}

enum Begun {
    Closing(Closing),
    ClosedAlready,
    DecidedElsewhere,
}

async fn begin(state: &AppState, member_id: MemberId) -> Result<Begun, CloseError> {
    let now = state.clock.now();
    let lease_until = now + state.closing_settings.lease();
    state
        .database
        .run_tx("account_closing_begin", move |connection| {
            Box::pin(async move {
                if members::db::lock(connection, member_id).await?.is_none() {
                    return match members::db::find_existence(connection, member_id).await? {
                        Existence::Never => Err(CloseError::NoAccount),
                        Existence::Open | Existence::Closed => Ok(Begun::ClosedAlready),
                    };
                }
                let begun = db::begin(connection, member_id, now, lease_until).await?;
                Ok(begun.map_or(Begun::DecidedElsewhere, Begun::Closing))
            })
        })
        .await
}

/// Decides an attempt that has begun, and tells the other services how it has ended.
async fn decide(state: &AppState, closing: Closing) -> Result<(), CloseError> {
    match mark_and_close(state, closing).await {
        Ok(closed) => {
            forget_soon(state, closed).await;
            Ok(())
        }
        // The process that has the lease undoes it.
        Err(CloseError::LeaseLost) => Err(CloseError::LeaseLost),
        Err(error) => {
            undo(state, closing).await;
            Err(error)
        }
    }
}

/// Returns the closing in its next phase.
async fn mark_and_close(state: &AppState, closing: Closing) -> Result<Closing, CloseError> {
    let left = closing.lease.time_left(state.clock.now());
    let asked = timeout(left, state.participants.mark(&closing)).await;
    let elsewhere = asked.map_err(|_| CloseError::Undecided)??;
    let now = state.clock.now();
    let lease = Lease { until: now + state.closing_settings.lease(), ..closing.lease };
    let throttle = state.throttle.clone();
    // Without a client: the address is personal.
    let (closing_kind, nobody) = (Kind::AccountClosing, Client::default());
    let event = state.trail.event(closing_kind, Outcome::Succeeded, closing.member_id, &nobody);
    state
        .database
        .run_tx("account_close", move |connection| {
            let (elsewhere, throttle, event) = (elsewhere.clone(), throttle.clone(), event.clone());
            Box::pin(async move {
                close_in(connection, &throttle, closing, elsewhere, now, lease.until).await?;
                Ok::<_, CloseError>(event.record(connection).await?)
            })
        })
        .await?;
    Ok(Closing { phase: Phase::Forgetting, lease, ..closing })
}

/// Closes the account, ends all its sessions and removes its personal data. The ledger keeps its transfers.
async fn close_in(
    connection: &mut Connection,
    throttle: &Throttle,
    closing: Closing,
    elsewhere: Vec<Open>,
    now: OffsetDateTime,
    lease_until: OffsetDateTime,
) -> Result<(), CloseError> {
    let member_id = closing.member_id;
    let member = members::db::lock(connection, member_id).await?.ok_or(CloseError::LeaseLost)?;
    // The lock prevents a charge between this look and the commit.
    let open = with_wallet(wallets::lock(connection, member_id).await?, elsewhere);
    if !open.is_empty() {
        return Err(CloseError::NotSettled(open));
    }
    if !db::set_phase(connection, closing, Phase::Forgetting, now, Some(lease_until)).await? {
        return Err(CloseError::LeaseLost);
    }
    wallets::close(connection, member_id, now).await?;
    sessions::db::sessions::revoke_all(connection, member_id, None, now).await?;
    sessions::db::sessions::forget_clients(connection, member_id).await?;
    sessions::db::known_places::delete_all(connection, member_id).await?;
    otp::db::delete(connection, member_id).await?;
    throttle.forget(connection, &member.email).await?;
    idempotency::forget(connection, member_id).await?;
    // The sign-up was kept for the client's address.
    idempotency::forget_made(connection, member_id.0, member.created_at).await?;
    Ok(members::db::close(connection, member_id, now).await?)
}
