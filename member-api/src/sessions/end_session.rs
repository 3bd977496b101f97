//! Ending a session: at sign-out, or from the list of a member's sessions.

use access::MemberId;
use uuid::Uuid;

use crate::sessions::db::sessions;
use crate::state::AppState;

/// Ends a session of the member. Returns false if the member has no such session. A session that has ended already stays as it is,
/// so that the request can be sent again.
pub async fn end_session(state: &AppState, member_id: MemberId, session_id: Uuid) -> sqlx::Result<bool> {
    let now = state.clock.now();
    let end = state.database.run_tx("session_end", move |connection| {
        Box::pin(async move {
            let session = sessions::lock(connection, session_id).await?;
            let Some(session) = session.filter(|session| session.member_id == member_id) else {
                return Ok::<_, sqlx::Error>(false);
            };
            if session.state.revoked_at.is_none() {
                sessions::revoke(connection, session_id, now).await?;
            }
            Ok(true)
        })
    });
    end.await
}
