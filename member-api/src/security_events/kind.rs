//! Rules: what is recorded of an account, and how often.

use strum::IntoStaticStr;
use utoipa::ToSchema;

/// What somebody did, or tried to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, ToSchema)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = SecurityEventKind, rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// Signing in.
    SignIn,
    /// Signing out.
    SignOut,
    /// Ending a session from another one.
    SessionEnd,
    /// Continuing a session by its refresh token.
    Refresh,
    /// Replacing the password.
    PasswordChange,
    /// Turning the second factor on.
    OtpOn,
    /// Turning the second factor off.
    OtpOff,
    /// Closing the account.
    AccountClosing,
    /// Making an administrator on the command line.
    AdminCreation,
    /// Calling what belongs to a role.
    RoleUse,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, ToSchema)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = SecurityEventOutcome, rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// It was done.
    Succeeded,
    /// The password was wrong.
    WrongPassword,
    /// The password was right, and the code of the second factor was wrong or used before.
    WrongOtp,
    /// The password was right, and the code of the second factor was missing.
    OtpRequired,
    /// It had to wait, because too many attempts had failed. The password was not looked at.
    Throttled,
    /// The refresh token had been used before: its session was ended.
    TokenReused,
    /// The member has another role.
    WrongRole,
}

impl Kind {
    /// The name in the table and for clients.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Outcome {
    /// The name in the table and for clients.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// How many events of a kind and outcome are recorded for a member in an hour, where the setting says `most`. What costs its
    /// sender nothing is recorded once: more of it would say no more.
    pub fn most_per_hour(self, most: u32) -> u32 {
        match self {
            Self::Throttled | Self::WrongRole => 1,
            Self::Succeeded
            | Self::WrongPassword
            | Self::WrongOtp
            | Self::OtpRequired
            | Self::TokenReused => most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_upper_snake_as_in_the_document() {
        assert_eq!(Kind::PasswordChange.as_str(), "PASSWORD_CHANGE");
        assert_eq!(Outcome::WrongPassword.as_str(), "WRONG_PASSWORD");
        let schema = serde_json::to_value(<Kind as utoipa::PartialSchema>::schema()).unwrap();
        assert!(schema["enum"].as_array().unwrap().contains(&"PASSWORD_CHANGE".into()), "{schema}");
    }
}
