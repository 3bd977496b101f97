//! Changing a password.

use access::Principal;

use crate::members::{self, NewPassword, PasswordAttempt};
use crate::sessions::db::sessions;
use crate::sessions::sign_in::{SignInError, confirm_password};
use crate::state::AppState;

/// Replaces the password of a member who knows the present one, and ends all of the member's other sessions.
pub async fn change_password(
    state: &AppState,
    principal: Principal,
    current: PasswordAttempt,
    new: NewPassword,
) -> Result<(), SignInError> {
    let member_id = principal.member_id;
    let find =
        state.database.read("password_find", move |db| Box::pin(members::db::find_password(db, member_id)));
    let found = find.await?;
    let (email, old_hash) = found.ok_or(SignInError::BadCredentials)?;
    confirm_password(state, &email, current, old_hash.clone()).await?;
    let new_hash = state.passwords.hash(new).await?;
    let now = state.clock.now();
    state
        .database
        .run_tx("password_change", move |tx| {
            let (old_hash, new_hash) = (old_hash.clone(), new_hash.clone());
            Box::pin(async move {
                if !members::db::replace_password(tx, member_id, &old_hash, &new_hash, now).await? {
                    // Somebody else was quicker, and what was confirmed is the password no longer.
                    return Err(SignInError::BadCredentials);
                }
                Ok(sessions::revoke_all(tx, member_id, Some(principal.session_id), now).await?)
            })
        })
        .await
}
