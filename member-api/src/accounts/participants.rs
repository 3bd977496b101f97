//! The other services that know members. They are asked before an account is closed, and told afterwards.

use account_closing::{ClosingClient, ForgetRequest, Open};
use futures::future::try_join;
use service_client::CallError;

use super::closing::Closing;
use crate::members::MemberName;

/// The services in which a member can leave something. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Participants {
    /// store-api.
    pub store: ClosingClient,
    /// order-api.
    pub order: ClosingClient,
}

/// Why a participant has not done what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It gave no usable answer.
    #[error("a service could not be asked about an account")]
    Call(#[from] CallError),
    /// The attempt was given up, or a later one has begun.
    #[error("another attempt to close the account has begun")]
    Overtaken,
}

impl Participants {
    /// What is open anywhere. Changes nothing.
    pub async fn look(&self, closing_of: access::MemberId) -> Result<Vec<Open>, AskError> {
        let (store, order) = try_join(self.store.look(closing_of), self.order.look(closing_of)).await?;
        Ok([store.open, order.open].concat())
    }

    /// Marks the member everywhere, and finds what is open.
    ///
    /// store-api is asked first. If no store is open there, and none can be opened, then no order can reserve the seller's
    /// stock any more. So order-api, which is asked next, sees every order that can still be paid.
    pub async fn mark(&self, closing: &Closing) -> Result<Vec<Open>, AskError> {
        let mut open = Vec::new();
        for participant in [&self.store, &self.order] {
            let marked = participant.mark(closing.member_id, closing.number()).await?;
            if !marked.is_marked {
                return Err(AskError::Overtaken);
            }
            open.extend(marked.open);
        }
        Ok(open)
    }

    /// Takes the marks away.
    pub async fn undo(&self, closing: &Closing) -> Result<(), AskError> {
        let (member_id, number) = (closing.member_id, closing.number());
        try_join(self.store.undo(member_id, number), self.order.undo(member_id, number)).await?;
        Ok(())
    }

    /// Has the personal data removed.
    pub async fn forget(&self, closing: &Closing) -> Result<(), AskError> {
        let request = ForgetRequest { placeholder: MemberName::CLOSED_ACCOUNT.to_owned() };
        let member_id = closing.member_id;
        try_join(self.store.forget(member_id, &request), self.order.forget(member_id, &request)).await?;
        Ok(())
    }
}
