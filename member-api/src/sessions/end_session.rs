//! Ending a session: at sign-out, or from another one.

use access::Principal;
use uuid::Uuid;

use crate::client::Client;
use crate::security_events::{Kind, Outcome};
use crate::sessions::db::sessions;
use crate::state::AppState;

/// Ends a session of the caller. Returns false if the caller has no such session. A session that has ended already stays as it is,
/// so that the request can be sent again.
pub async fn end_session(
    state: &AppState,
    principal: Principal,
    session_id: Uuid,
    client: &Client,
) -> sqlx::Result<bool> {
    let (member_id, now) = (principal.member_id, state.clock.now());
    let kind = if session_id == principal.session_id { Kind::SignOut } else { Kind::SessionEnd };
    let event = state.trail.event(kind, Outcome::Succeeded, member_id, client).in_session(session_id);
    let end = state.database.run_tx("session_end", move |connection| {
        let event = event.clone();
        Box::pin(async move {
            let session = sessions::lock(connection, session_id).await?;
            let Some(session) = session.filter(|session| session.member_id == member_id) else {
                return Ok::<_, sqlx::Error>(false);
            };
            if session.state.revoked_at.is_none() {
                sessions::revoke(connection, session_id, now).await?;
                event.record(connection).await?;
            }
            Ok(true)
        })
    });
    end.await
}
