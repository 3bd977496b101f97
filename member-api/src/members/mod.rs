//! Who a member is: email, name, phone and password, hashing the password, and the table `members`.

pub mod db;
pub(crate) mod http;
pub mod password_hasher;

mod email;
mod member;
mod member_name;
mod password;
mod phone;

pub use email::Email;
pub use member::Member;
pub use member_name::MemberName;
pub use password::{NewPassword, PasswordAttempt};
pub use phone::Phone;
