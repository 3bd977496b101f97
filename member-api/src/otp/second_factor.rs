//! Taking a code of a member who has a second factor.

use access::MemberId;
use database::Connection;
use time::OffsetDateTime;
use totp_rs::TotpError;

use super::keys::{OtpKeyError, OtpKeys};
use super::{OtpCode, db};

/// Why a code was not taken.
#[derive(Debug, thiserror::Error)]
pub enum OtpError {
    /// The member has a second factor, and sent no code.
    #[error("a one-time password is needed")]
    Missing,
    /// The code is not that of this moment, or was used before.
    #[error("the one-time password is wrong")]
    Wrong,
    /// The stored secret can't be opened.
    #[error("the secret of one-time passwords can't be used")]
    Key(#[from] OtpKeyError),
    /// The stored secret makes no codes.
    #[error("the secret of one-time passwords makes no codes")]
    Totp(#[from] TotpError),
    /// The database failed.
    #[error("the one-time password could not be used up")]
    Database(#[from] sqlx::Error),
}

/// Takes the code of a member who has a second factor in force: no other request can use it. Returns false for a member who has
/// none. The caller has locked the account, and does what the code is for in the same transaction.
pub async fn take_code(
    connection: &mut Connection,
    keys: &OtpKeys,
    member_id: MemberId,
    code: Option<&OtpCode>,
    now: OffsetDateTime,
) -> Result<bool, OtpError> {
    let factor = db::lock(connection, member_id).await?;
    let Some(factor) = factor.filter(|factor| factor.confirmed_at.is_some()) else { return Ok(false) };
    let code = code.ok_or(OtpError::Missing)?;
    let secret = keys.open(member_id, &factor.sealed_secret)?;
    let step = secret.step_of(code, now)?.ok_or(OtpError::Wrong)?;
    if db::use_step(connection, member_id, step).await? { Ok(true) } else { Err(OtpError::Wrong) }
}
