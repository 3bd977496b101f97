//! Members, each new.

use anyhow::Context as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Connection;
use http::Method;

pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Somebody who has signed in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    pub(crate) token: String,
}

impl Person {
    /// A new member: `customers` or `sellers`. `connection` leads to the gateway.
    pub(crate) async fn sign_up(connection: &mut Connection, role: &str) -> anyhow::Result<Self> {
        let email = format!("{}@dalkom.example", Uuid::new_v4());
        let path = format!("/api/member/{role}");
        let body = json!({ "email": email, "password": PASSWORD, "name": "홍길동" });
        let member = connection.send(Method::POST, &path, None, &[], Some(&body)).await?.expect(201)?;
        let body = json!({ "email": email, "password": PASSWORD });
        let session = connection.send(Method::POST, "/api/member/sessions", None, &[], Some(&body));
        let session = session.await?.expect(201)?;
        let id = text(&member, "id")?.parse()?;
        Ok(Self { id, email, token: text(&session, "accessToken")?.to_owned() })
    }
}

/// A field of an answer.
pub(crate) fn text<'a>(body: &'a Value, field: &str) -> anyhow::Result<&'a str> {
    body[field].as_str().with_context(|| format!("an answer without {field}: {body}"))
}
