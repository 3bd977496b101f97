//! Members of a running Dalkom, each new, as clients of its gateway.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Answer, Client, Server, integer, text};

/// The password of every member.
pub const PASSWORD: &str = "correct horse battery staple";

/// A member who has signed in.
#[derive(Clone, Debug)]
pub struct Member {
    /// The member id.
    pub id: String,
    /// The email address. No other member has it.
    pub email: String,
    /// The name. No other member has it.
    pub name: String,
    /// CUSTOMER or SELLER.
    pub role: String,
    /// The access token.
    pub token: String,
    /// The refresh token.
    pub refresh_token: String,
    client: Client<Server>,
}

impl Member {
    /// Signs up a customer, and charges the wallet with `won`, if that is above zero.
    pub async fn customer(gateway: &Client<Server>, won: i64) -> Self {
        let member = Self::sign_up(gateway, "customers").await;
        if won > 0 {
            member.charge(won).await;
        }
        member
    }

    /// Signs up a seller.
    pub async fn seller(gateway: &Client<Server>) -> Self {
        Self::sign_up(gateway, "sellers").await
    }

    async fn sign_up(gateway: &Client<Server>, role: &str) -> Self {
        let id = Uuid::new_v4().simple();
        let (email, name) = (format!("{id}@dalkom.example"), format!("홍길동 {id}"));
        let body = json!({ "email": email, "password": PASSWORD, "name": name });
        let member = created(gateway.post(&format!("/api/member/{role}")).json(&body).send().await);
        let session = sign_in(gateway, &email).await;
        Self {
            id: text(&member, "id"),
            email,
            name,
            role: text(&member, "role"),
            token: text(&session, "accessToken"),
            refresh_token: text(&session, "refreshToken"),
            client: gateway.clone(),
        }
    }

    /// Charges the wallet.
    pub async fn charge(&self, won: i64) {
        let request = self.client.post("/api/member/me/wallet/charges").json(&json!({ "amount": won }));
        created(request.bearer(&self.token).key(&new_key()).send().await);
    }

    /// The balance of the wallet, in won.
    pub async fn balance(&self) -> i64 {
        let wallet = self.client.get("/api/member/me/wallet").bearer(&self.token).send().await;
        integer(&ok(wallet), "balance")
    }

    /// Sets the quantity of an option in the cart.
    pub async fn set_cart_line(&self, option_id: &str, quantity: u32) -> Answer {
        let path = format!("/api/order/cart/lines/{option_id}");
        self.client.put(&path).json(&json!({ "quantity": quantity })).bearer(&self.token).send().await
    }

    /// Adds to the quantity of an option in the cart, and gives the cart.
    pub async fn add_to_cart(&self, option_id: &str, quantity: u32) -> Value {
        let body = json!({ "optionId": option_id, "quantity": quantity });
        ok(self.client.post("/api/order/cart/lines").json(&body).bearer(&self.token).send().await)
    }

    /// The cart.
    pub async fn cart(&self) -> Value {
        ok(self.client.get("/api/order/cart").bearer(&self.token).send().await)
    }

    /// Orders the whole cart, with a new key.
    pub async fn order(&self) -> Answer {
        self.order_by(&new_key()).await
    }

    /// Orders the whole cart.
    pub async fn order_by(&self, key: &str) -> Answer {
        self.order_of(&json!({}), key).await
    }

    /// Orders some options of the cart, with a new key.
    pub async fn order_only(&self, option_ids: &[&str]) -> Answer {
        self.order_of(&json!({ "optionIds": option_ids }), &new_key()).await
    }

    async fn order_of(&self, body: &Value, key: &str) -> Answer {
        self.client.post("/api/order/orders").json(body).bearer(&self.token).key(key).send().await
    }
}

/// Signs a member in, and gives the session with its tokens.
pub async fn sign_in(gateway: &Client<Server>, email: &str) -> Value {
    let body = json!({ "email": email, "password": PASSWORD });
    created(gateway.post("/api/member/sessions").json(&body).send().await)
}

/// An Idempotency-Key that was never used.
pub fn new_key() -> String {
    Uuid::new_v4().to_string()
}

#[track_caller]
fn created(answer: Answer) -> Value {
    answer.expect(http::StatusCode::CREATED).body
}

#[track_caller]
fn ok(answer: Answer) -> Value {
    answer.expect(http::StatusCode::OK).body
}
