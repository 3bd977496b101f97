//! Sign-ups that are repeated by their Idempotency-Key.
//!
//! A fingerprint is a fast hash, so the password is no part of it. A repetition proves the password like a sign-in: by the hash
//! of the account that was made, and slowed down like a sign-in where it is wrong.

use access::MemberId;
use axum::body::Bytes;
use axum::extract::Request;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::request::Parts;
use idempotency::Anonymous;
use problem::{Code, Problem};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::client::Client;
use crate::members::{Email, PasswordAttempt};
use crate::sessions::attempt::Standings;
use crate::sessions::password_check::{Checked, Purpose, SignInError, check_password};
use crate::state::AppState;

/// Says of sign-ups whose keys they carry, and admits repetitions.
pub(crate) struct SignUps(pub(crate) AppState);

#[derive(Deserialize)]
struct Secrets {
    email: Email,
    password: PasswordAttempt,
}

impl Anonymous for SignUps {
    fn id(&self, parts: &Parts) -> Uuid {
        self.0.throttle.key_owner(Client::of(parts).address)
    }

    fn without_secrets(&self, body: &Bytes) -> Option<Bytes> {
        let mut members: Map<String, Value> = serde_json::from_slice(body).ok()?;
        members.remove("password");
        serde_json::to_vec(&members).ok().map(Bytes::from)
    }

    fn admit(&self, repetition: Request, made: Uuid) -> BoxFuture<'_, Result<(), Problem>> {
        async move {
            let (parts, body) = repetition.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.map_err(Problem::internal)?;
            let reused = || Problem::new(Code::IdempotencyKeyReused);
            let secrets: Secrets = serde_json::from_slice(&body).map_err(|_| reused())?;
            let checked = check(&self.0, &parts, secrets).await.map_err(|error| match error {
                SignInError::BadCredentials => reused(),
                error => error.into(),
            })?;
            if checked.credentials.member_id.0 == made { Ok(()) } else { Err(reused()) }
        }
        .boxed()
    }
}

async fn check(state: &AppState, parts: &Parts, secrets: Secrets) -> Result<Checked, SignInError> {
    let Secrets { email, password } = secrets;
    let (client, mut standings) = (Client::of(parts), Standings::new());
    let checked = check_password(state, Purpose::SIGN_UP, email, &client, password, &mut standings).await?;
    let (attempt, now) = (checked.attempt.clone(), state.clock.now());
    let MemberId(id) = checked.credentials.member_id;
    let record = state.database.run_tx("sign_up_repeated", move |connection| {
        let attempt = attempt.clone();
        Box::pin(async move { attempt.record_success(connection, MemberId(id), now).await })
    });
    record.await?;
    Ok(checked)
}
