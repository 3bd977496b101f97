//! The stack and the customers that both parts of this benchmark use.

use std::sync::Arc;

use stack::Stack;
use testkit::Client;
use testkit::member::Member;
use uuid::Uuid;

use crate::load::Span;

/// What both parts share.
pub(super) struct Bench {
    pub(super) stack: Arc<Stack>,
    pub(super) customers: Vec<Customer>,
    pub(super) rounds: usize,
    pub(super) span: Span,
    pub(super) sign_ins: u32,
}

/// A customer with a wallet.
#[derive(Clone)]
pub(super) struct Customer {
    pub(super) id: Uuid,
    pub(super) email: String,
    pub(super) token: String,
}

/// Signs up `count` customers.
pub(super) async fn customers(stack: &Stack, count: usize) -> anyhow::Result<Vec<Customer>> {
    let gateway = Client::at(&stack.gateway_url());
    let mut customers = Vec::new();
    for _ in 0..count {
        let member = Member::customer(&gateway, 0).await;
        customers.push(Customer { id: member.id.parse()?, email: member.email, token: member.token });
    }
    Ok(customers)
}
