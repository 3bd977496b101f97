//! Changing a password.

use access::Principal;

use crate::members::{self, NewPassword, PasswordAttempt};
use crate::sessions::db::sessions;
use crate::sessions::sign_in::{SignInError, verify_current_password};
use crate::state::AppState;

/// Replaces the password of a member who knows the current one, and ends all other sessions of the member.
pub async fn change_password(
    state: &AppState,
    principal: Principal,
    current: PasswordAttempt,
    new: NewPassword,
) -> Result<(), SignInError> {
    let member_id = principal.member_id;
    let find = state
        .database
        .read("password_find", move |connection| Box::pin(members::db::find_password(connection, member_id)));
    let (email, old_hash) = find.await?.ok_or(SignInError::BadCredentials)?;
    verify_current_password(state, &email, current, old_hash.clone()).await?;
    let new_hash = state.password_hasher.hash(new).await?;
    let now = state.clock.now();
    state
        .database
        .run_tx("password_change", move |connection| {
            let (old_hash, new_hash) = (old_hash.clone(), new_hash.clone());
            Box::pin(async move {
                if !members::db::replace_password(connection, member_id, &old_hash, &new_hash, now).await? {
                    // Another request has changed the password since it was verified.
                    return Err(SignInError::BadCredentials);
                }
                Ok(sessions::revoke_all(connection, member_id, Some(principal.session_id), now).await?)
            })
        })
        .await
}
