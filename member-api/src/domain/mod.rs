//! The rules of members, sessions and money: no HTTP, no SQL, no clock.

mod charge;
mod email;
mod member;
mod member_name;
mod moment;
mod password;
mod phone;
mod refresh_token;
mod session;
mod transfer;

pub use charge::ChargeAmount;
pub use email::Email;
pub use member::Member;
pub use member_name::MemberName;
pub use moment::Moment;
pub use password::{NewPassword, PasswordAttempt};
pub use phone::Phone;
pub use refresh_token::{RefreshToken, TokenHash};
pub use session::{GRACE, RefreshDecision, SessionState};
pub use transfer::{Account, Kind, MAX_BALANCE, Posting, Transfer};
