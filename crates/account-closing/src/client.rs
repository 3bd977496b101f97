//! The client, for member-api.

use access::MemberId;
use service_client::{CallError, ServiceClient};

use crate::{CLOSINGS_PATH, ForgetRequest, Found, Marked, Numbered};

/// Asks one participant. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ClosingClient {
    client: ServiceClient,
}

impl ClosingClient {
    /// A client of the participant that `client` calls.
    pub fn new(client: ServiceClient) -> Self {
        Self { client }
    }

    /// What is open. Changes nothing.
    pub async fn look(&self, member: MemberId) -> Result<Found, CallError> {
        self.client.get(&path(member)).await
    }

    /// Marks the member as closing, and finds what is open.
    pub async fn mark(&self, member: MemberId, number: u64) -> Result<Marked, CallError> {
        self.client.put(&path(member), &Numbered { number }).await
    }

    /// Takes the mark of this attempt, or of an earlier one, away. After that, this attempt can't mark the member any more.
    pub async fn undo(&self, member: MemberId, number: u64) -> Result<(), CallError> {
        self.client.post(&format!("{}/undo", path(member)), &Numbered { number }).await
    }

    /// Marks the member as closed for ever, and removes the personal data.
    pub async fn forget(&self, member: MemberId, request: &ForgetRequest) -> Result<(), CallError> {
        self.client.post(&format!("{}/forget", path(member)), request).await
    }
}

fn path(member: MemberId) -> String {
    format!("{CLOSINGS_PATH}/{member}")
}
