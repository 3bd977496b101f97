//! Closing an account.

use access::MemberId;
use money::Won;

use crate::members;
use crate::sessions::db::{known_places, sessions};
use crate::state::AppState;
use crate::wallet::db::wallets;

/// Why an account was not closed.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// The wallet is not empty.
    #[error("there is money in the wallet")]
    WalletNotEmpty(Won),
    /// No open account has this id.
    #[error("there is no such open account")]
    NoAccount,
    /// The database failed, and the account is still open.
    #[error("the account could not be closed")]
    Database(#[from] sqlx::Error),
}

/// Closes an account whose wallet is empty: ends all its sessions and removes its personal data. The ledger keeps its
/// transfers.
pub async fn close_account(state: &AppState, member_id: MemberId) -> Result<(), CloseError> {
    let now = state.clock.now();
    state
        .database
        .run_tx("account_close", move |connection| {
            Box::pin(async move {
                members::db::lock(connection, member_id).await?.ok_or(CloseError::NoAccount)?;
                // The lock prevents a charge between this check and the commit.
                let balance = wallets::lock(connection, member_id).await?.unwrap_or(Won::ZERO);
                if balance != Won::ZERO {
                    return Err(CloseError::WalletNotEmpty(balance));
                }
                wallets::close(connection, member_id, now).await?;
                sessions::revoke_all(connection, member_id, None, now).await?;
                known_places::delete_all(connection, member_id).await?;
                Ok(members::db::close(connection, member_id, now).await?)
            })
        })
        .await
}
