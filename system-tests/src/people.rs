//! Members, each new.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Answer, Client, number, text};

/// What everybody's password is.
pub const PASSWORD: &str = "correct horse battery staple";

/// Somebody who has signed in.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their member id.
    pub id: String,
    /// Their email address, which nobody else has.
    pub email: String,
    /// Their name, which nobody else has either.
    pub name: String,
    /// CUSTOMER or SELLER.
    pub role: String,
    /// Their access token.
    pub token: String,
    /// What they were given to stay signed in.
    pub refresh_token: String,
    client: Client,
}

impl Person {
    /// A new customer with so much in their wallet; nothing is charged for zero.
    pub async fn customer(client: &Client, won: i64) -> Self {
        let person = Self::sign_up(client, "customers").await;
        if won > 0 {
            person.charge(won).await;
        }
        person
    }

    /// A new seller.
    pub async fn seller(client: &Client) -> Self {
        Self::sign_up(client, "sellers").await
    }

    async fn sign_up(client: &Client, role: &str) -> Self {
        let id = Uuid::new_v4().simple();
        let (email, name) = (format!("{id}@dalkom.example"), format!("홍길동 {id}"));
        let body = json!({ "email": email, "password": PASSWORD, "name": name });
        let member = client.post(&format!("/api/member/{role}"), &body).send().await.expect(201);
        let body = json!({ "email": email, "password": PASSWORD });
        let session = client.post("/api/member/sessions", &body).send().await.expect(201);
        Self {
            id: text(&member, "id"),
            email,
            name,
            role: text(&member, "role"),
            token: text(&session, "accessToken"),
            refresh_token: text(&session, "refreshToken"),
            client: client.clone(),
        }
    }

    /// Charges the wallet.
    pub async fn charge(&self, won: i64) {
        let call = self.client.post("/api/member/me/wallet/charges", &json!({ "amount": won }));
        call.bearer(&self.token).key(&new_key()).send().await.expect(201);
    }

    /// What is in the wallet.
    pub async fn balance(&self) -> i64 {
        let wallet = self.client.get("/api/member/me/wallet").bearer(&self.token).send().await.expect(200);
        number(&wallet, "balance")
    }

    /// Puts so many of an option into the cart, in place of what was there of it.
    pub async fn set_cart_line(&self, option_id: &str, quantity: u32) -> Answer {
        let path = format!("/api/order/cart/lines/{option_id}");
        self.client.put(&path, &json!({ "quantity": quantity })).bearer(&self.token).send().await
    }

    /// Adds so many of an option to the cart.
    pub async fn add_to_cart(&self, option_id: &str, quantity: u32) -> Value {
        let body = json!({ "optionId": option_id, "quantity": quantity });
        self.client.post("/api/order/cart/lines", &body).bearer(&self.token).send().await.expect(200)
    }

    /// The cart.
    pub async fn cart(&self) -> Value {
        self.client.get("/api/order/cart").bearer(&self.token).send().await.expect(200)
    }

    /// Orders all that is in the cart, by a new key.
    pub async fn order(&self) -> Answer {
        self.order_by(&new_key()).await
    }

    /// Orders all that is in the cart.
    pub async fn order_by(&self, key: &str) -> Answer {
        self.client.post("/api/order/orders", &json!({})).bearer(&self.token).key(key).send().await
    }

    /// Orders some options of the cart, by a new key.
    pub async fn order_only(&self, option_ids: &[&str]) -> Answer {
        let call = self.client.post("/api/order/orders", &json!({ "optionIds": option_ids }));
        call.bearer(&self.token).key(&new_key()).send().await
    }
}

/// A key that nobody has used.
pub fn new_key() -> String {
    Uuid::new_v4().to_string()
}
