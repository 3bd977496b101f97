//! Who a member is: email, name, phone and password, hashing the password, and the table `members`.

pub mod db;
pub(crate) mod http;
pub mod password_hasher;

mod email;
mod guessable;
mod hash_memory;
mod hash_queue;
mod member;
mod member_name;
mod opaque_string;
mod password;
mod phone;

pub use email::Email;
pub use hash_queue::HashKind;
pub use member::Member;
pub use member_name::MemberName;
pub use password::{NewPassword, PasswordAttempt, not_made_of};
pub use phone::Phone;
