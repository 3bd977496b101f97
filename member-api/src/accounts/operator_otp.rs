//! `member-api enrol-otp` and `member-api remove-otp`: the second factor of a member, on the command line. An administrator who needs
//! one gets it here, and a member who has lost it gets rid of it.

use access::MemberId;
use clap::Args;
use clock::Clock;
use database::{Connection, Database};
use secrecy::SecretString;
use totp_rs::TotpError;

use super::create_admin::parse_email;
use crate::client::Client;
use crate::members::{self, Email};
use crate::otp::keys::{OtpKeyError, OtpKeys};
use crate::otp::{self, OtpSecret};
use crate::security_events::trail::Trail;
use crate::security_events::{Kind, Outcome};

/// Whose second factor it is.
#[derive(Clone, Debug, Args)]
pub struct OfMember {
    /// The email of the member.
    #[arg(long, value_parser = parse_email)]
    pub email: Email,
}

/// Why a second factor was not set up or removed.
#[derive(Debug, thiserror::Error)]
pub enum OperatorOtpError {
    /// No open account has the email.
    #[error("no member has this email")]
    NoAccount,
    /// The secret can't be sealed.
    #[error("the secret could not be sealed")]
    Key(#[from] OtpKeyError),
    /// The secret can't be shown.
    #[error("the secret could not be written as an address")]
    Totp(#[from] TotpError),
    /// The database failed.
    #[error("the second factor could not be changed")]
    Database(#[from] sqlx::Error),
}

/// Gives a member a second factor that is in force at once, in place of any other one. Returns the address by which an authenticator
/// takes it over.
pub async fn enrol(
    database: &Database,
    clock: &Clock,
    keys: &OtpKeys,
    trail: &Trail,
    OfMember { email }: OfMember,
) -> Result<SecretString, OperatorOtpError> {
    let secret = OtpSecret::from_bytes(rand::random());
    let uri = secret.uri(&email)?.into();
    let (request_id, now) = (clock.new_id(), clock.now());
    let (keys, trail) = (keys.clone(), trail.clone());
    let enrol = database.run_tx("otp_enrol", move |connection| {
        let (email, keys, trail, secret) = (email.clone(), keys.clone(), trail.clone(), secret.clone());
        Box::pin(async move {
            let member_id = lock(connection, &email).await?;
            let sealed = keys.seal(member_id, &secret)?;
            otp::db::replace(connection, member_id, request_id, &sealed, now).await?;
            otp::db::confirm(connection, member_id, None, now).await?;
            let event = trail.event(Kind::OtpOn, Outcome::Succeeded, member_id, &Client::default());
            Ok::<_, OperatorOtpError>(event.record(connection).await?)
        })
    });
    enrol.await?;
    Ok(uri)
}

/// Removes the second factor of a member, if there is one.
pub async fn remove(
    database: &Database,
    trail: &Trail,
    OfMember { email }: OfMember,
) -> Result<(), OperatorOtpError> {
    let trail = trail.clone();
    let remove = database.run_tx("otp_remove", move |connection| {
        let (email, trail) = (email.clone(), trail.clone());
        Box::pin(async move {
            let member_id = lock(connection, &email).await?;
            if otp::db::delete(connection, member_id).await? {
                let event = trail.event(Kind::OtpOff, Outcome::Succeeded, member_id, &Client::default());
                event.record(connection).await?;
            }
            Ok::<_, OperatorOtpError>(())
        })
    });
    remove.await
}

/// Locks the account with this email.
async fn lock(connection: &mut Connection, email: &Email) -> Result<MemberId, OperatorOtpError> {
    let found = members::db::find_credentials(connection, email).await?;
    let credentials = found.ok_or(OperatorOtpError::NoAccount)?;
    let member = members::db::lock(connection, credentials.member_id).await?;
    member.map(|member| member.id).ok_or(OperatorOtpError::NoAccount)
}
