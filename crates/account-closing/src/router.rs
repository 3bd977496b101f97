//! The routes of a participant. Only member-api calls them.

use access::MemberId;
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use clock::Clock;
use database::Database;
use problem::{Json, Path, Problem};

use crate::{CLOSINGS_PATH, ForgetRequest, Found, Marked, Numbered, Open, db};

/// A service with data about members. It can say what is open of a member, and can remove a member's personal data. Its schema
/// has the table of `schema.sql`.
pub trait Participant: Clone + Send + Sync + 'static {
    /// The schema with the table `member_closings`.
    fn database(&self) -> &Database;

    /// The time.
    fn clock(&self) -> &Clock;

    /// What is open of a member. It must find the rows of every transaction that did not see the mark (see the documentation of the
    /// crate).
    fn find_open(&self, member: MemberId) -> impl Future<Output = Result<Vec<Open>, Problem>> + Send;

    /// Removes the personal data of a member whose account is closed. It may be called again at any time, also after a part of
    /// it was done.
    fn forget(&self, member: MemberId, placeholder: &str)
    -> impl Future<Output = Result<(), Problem>> + Send;
}

/// The routes. The caller wraps them in `access::only_services`.
pub fn router<S: Participant>() -> Router<S> {
    let path = format!("{CLOSINGS_PATH}/{{member_id}}");
    Router::new()
        .route(&path, get(look::<S>).put(mark::<S>))
        .route(&format!("{path}/undo"), post(undo::<S>))
        .route(&format!("{path}/forget"), post(forget::<S>))
}

async fn look<S: Participant>(
    State(state): State<S>,
    Path(member): Path<MemberId>,
) -> Result<Json<Found>, Problem> {
    Ok(Json(Found { open: state.find_open(member).await? }))
}

async fn mark<S: Participant>(
    State(state): State<S>,
    Path(member): Path<MemberId>,
    Json(Numbered { number }): Json<Numbered>,
) -> Result<Json<Marked>, Problem> {
    let now = state.clock().now();
    let is_marked = state
        .database()
        .run_tx("closing_mark", move |connection| {
            Box::pin(async move { db::mark(connection, member, number, now).await })
        })
        .await?;
    let open = if is_marked { state.find_open(member).await? } else { Vec::new() };
    Ok(Json(Marked { is_marked, open }))
}

async fn undo<S: Participant>(
    State(state): State<S>,
    Path(member): Path<MemberId>,
    Json(Numbered { number }): Json<Numbered>,
) -> Result<Json<()>, Problem> {
    let now = state.clock().now();
    state
        .database()
        .run_tx("closing_undo", move |connection| {
            Box::pin(async move { db::undo(connection, member, number, now).await })
        })
        .await?;
    Ok(Json(()))
}

async fn forget<S: Participant>(
    State(state): State<S>,
    Path(member): Path<MemberId>,
    Json(ForgetRequest { placeholder }): Json<ForgetRequest>,
) -> Result<Json<()>, Problem> {
    let now = state.clock().now();
    let close = state
        .database()
        .run_autocommit("closing_close", move |connection| Box::pin(db::close(connection, member, now)));
    close.await?;
    state.forget(member, &placeholder).await?;
    Ok(Json(()))
}
