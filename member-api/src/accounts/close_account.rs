//! Closing an account.

use access::MemberId;
use money::Won;

use crate::members;
use crate::sessions::db::sessions;
use crate::state::AppState;
use crate::wallet::db::wallets;

/// Why an account stays open.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// There is money in its wallet.
    #[error("there is money in the wallet")]
    WalletNotEmpty(Won),
    /// There is no such open account.
    #[error("there is no such open account")]
    NoAccount,
    /// The database failed; the account is open.
    #[error("the account could not be closed")]
    Database(#[from] sqlx::Error),
}

/// Ends all sessions of an account whose wallet is empty, and removes all that is personal in it. What it did with money
/// stays in the ledger.
pub async fn close_account(state: &AppState, member_id: MemberId) -> Result<(), CloseError> {
    let now = state.clock.now();
    state
        .database
        .run_tx("account_close", move |tx| {
            Box::pin(async move {
                members::db::lock(tx, member_id).await?.ok_or(CloseError::NoAccount)?;
                // Locked until the end, so that nothing is charged between the look and the closing.
                let balance = wallets::lock(tx, member_id).await?.unwrap_or(Won::ZERO);
                if balance != Won::ZERO {
                    return Err(CloseError::WalletNotEmpty(balance));
                }
                wallets::close(tx, member_id, now).await?;
                sessions::revoke_all(tx, member_id, None, now).await?;
                Ok(members::db::close(tx, member_id, now).await?)
            })
        })
        .await
}
