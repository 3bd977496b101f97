//! Changing a password.

use std::sync::Arc;

use access::Principal;

use crate::client::Client;
use crate::members::{self, Member, NewPassword, PasswordAttempt, not_made_of};
use crate::otp;
use crate::security_events::{Kind, Outcome};
use crate::sessions::attempt::Standings;
use crate::sessions::db::{known_places, sessions};
use crate::sessions::password_check::{Checked, Purpose, SignInError, check_password, find_member};
use crate::state::AppState;

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The new one is made of the email or the name.
    #[error("the new password is made of the email or the name")]
    MadeOfAccount(#[source] garde::Error),
    /// The current one was not taken, or the change could not be stored.
    #[error("the password was not changed")]
    SignIn(#[from] SignInError),
}

/// Replaces the password of a member who knows the current one, and ends all other sessions of the member. Where the member has
/// signed in with the old password, except here, is not a known place any more.
///
/// A wrong current password counts like a failed sign-in: it stops a thief of an access token from guessing. `standings` becomes
/// what is left of the limits.
pub async fn change_password(
    state: &AppState,
    principal: Principal,
    client: Client,
    current: PasswordAttempt,
    new: NewPassword,
    standings: &mut Standings,
) -> Result<(), ChangePasswordError> {
    let member_id = principal.member_id;
    let Member { email, name, .. } = find_member(state, member_id).await?;
    not_made_of(&email, &name)(&new, &()).map_err(ChangePasswordError::MadeOfAccount)?;
    let checked = check_password(state, Purpose::PASSWORD_CHANGE, email, &client, current, standings).await?;
    let Checked { credentials, attempt, turn, .. } = checked;
    let new_hash = turn.hash(new).await.map_err(SignInError::from)?;
    drop(turn);
    let now = state.clock.now();
    let verified = Arc::new((credentials, attempt, new_hash));
    let event = state.trail.event(Kind::PasswordChange, Outcome::Succeeded, member_id, &client);
    let event = event.in_session(principal.session_id);
    let change = state.database.run_tx("password_change", move |connection| {
        let (verified, event) = (Arc::clone(&verified), event.clone());
        Box::pin(async move {
            let (credentials, attempt, new_hash) = &*verified;
            let old_hash = &credentials.password_hash;
            // Otherwise another request has changed the password since it was verified, or the email is another member's now.
            if !members::db::replace_password(connection, member_id, old_hash, new_hash, now).await? {
                return Err(SignInError::BadCredentials);
            }
            sessions::revoke_all(connection, member_id, Some(principal.session_id), now).await?;
            known_places::delete_all(connection, member_id).await?;
            if otp::db::is_in_force(connection, member_id).await? {
                // The password alone must not give back attempts at the codes.
                attempt.end(connection, now).await?;
            } else {
                attempt.record_success(connection, member_id, now).await?;
            }
            Ok(event.record(connection).await?)
        })
    });
    Ok(change.await?)
}
