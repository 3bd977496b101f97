//! The client.

use access::MemberId;
use problem::Code;
use service_client::{CallError, ServiceClient};
use uuid::Uuid;

use crate::{
    REVOCATIONS_PATH, Revocations, RevocationsQuery, TRANSFERS_PATH, TransferReceipt, TransferRequest,
    WALLETS_PATH,
};

/// Calls member-api. Cheap to clone.
#[derive(Clone, Debug)]
pub struct MemberClient {
    client: ServiceClient,
}

/// Why there is no receipt.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The balance of the wallet is too small. Nothing has moved.
    #[error("the wallet does not hold enough")]
    InsufficientBalance,
    /// There is no such wallet, or its account is closed. Nothing has moved.
    #[error("there is no such open wallet")]
    NoWallet,
    /// The id was used for another transfer. Nothing has moved.
    #[error("the transfer's id was used for another transfer")]
    Mismatch,
    /// The call failed. Unless it was refused, the transfer may have been made: ask again by the same id.
    #[error("the transfer could not be ordered")]
    Call(#[source] CallError),
}

impl MemberClient {
    /// A client that calls member-api through `client`, which must be for [`crate::SERVICE`].
    pub fn new(client: ServiceClient) -> Self {
        Self { client }
    }

    /// Moves money into or out of the wallet of a member, at most once for each id.
    pub async fn transfer(
        &self,
        wallet: MemberId,
        request: &TransferRequest,
    ) -> Result<TransferReceipt, TransferError> {
        let path = format!("{WALLETS_PATH}/{wallet}/transfers");
        self.client.post(&path, request).await.map_err(|error| match error.code() {
            Some(Code::InsufficientBalance) => TransferError::InsufficientBalance,
            Some(Code::NotFound) => TransferError::NoWallet,
            Some(Code::TransferMismatch) => TransferError::Mismatch,
            _ => TransferError::Call(error),
        })
    }

    /// A transfer that has been made. `None` if there is none with this id.
    pub async fn find_transfer(&self, id: Uuid) -> Result<Option<TransferReceipt>, CallError> {
        match self.client.get(&format!("{TRANSFERS_PATH}/{id}")).await {
            Ok(receipt) => Ok(Some(receipt)),
            Err(error) if error.code() == Some(Code::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Voids a transfer whose request may still be on its way. If the transfer was made, it stays and is given. If not, it can't
    /// be made any more: a request that arrives later is refused with [`TransferError::Mismatch`].
    pub async fn void_transfer(&self, id: Uuid) -> Result<Option<TransferReceipt>, CallError> {
        self.client.post(&format!("{TRANSFERS_PATH}/{id}/void"), &()).await
    }

    /// The sessions that have ended early since `as_of` of an earlier answer. Without it, all ended sessions whose access tokens
    /// may still be valid.
    pub async fn revocations(&self, query: RevocationsQuery) -> Result<Revocations, CallError> {
        let path = match serde_urlencoded::to_string(query) {
            Ok(query) => format!("{REVOCATIONS_PATH}?{query}"),
            // The time can't be written. So all sessions are asked for.
            Err(_) => REVOCATIONS_PATH.to_owned(),
        };
        self.client.get(&path).await
    }
}
