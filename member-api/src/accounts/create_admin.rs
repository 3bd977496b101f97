//! `member-api create-admin`: the one way to make an administrator.

use std::io::{self, BufRead};

use access::Role;
use clap::Args;
use clock::Clock;
use database::Database;
use garde::Validate;

use crate::accounts::sign_up::{SignUp, SignUpError, sign_up};
use crate::members::passwords::Passwords;
use crate::members::{Email, Member, MemberName, NewPassword};

/// Who is to be an administrator.
#[derive(Clone, Debug, Args)]
pub struct NewAdmin {
    /// The address to sign in with.
    #[arg(long, value_parser = email)]
    pub email: Email,
    /// What to call the administrator.
    #[arg(long, default_value = "관리자", value_parser = name)]
    pub name: MemberName,
}

/// Why there is no new administrator.
#[derive(Debug, thiserror::Error)]
pub enum CreateAdminError {
    /// Standard input could not be read.
    #[error("the password could not be read from standard input")]
    Input(#[source] io::Error),
    /// The password breaks a rule.
    #[error("the password on standard input breaks a rule: {0}")]
    Password(garde::Report),
    /// The account could not be made.
    #[error("the account could not be made")]
    SignUp(#[source] SignUpError),
}

/// Makes an administrator with the password that is the first line of `input`: a command line is no place for it.
pub async fn create_admin(
    database: &Database,
    clock: &Clock,
    passwords: &Passwords,
    admin: NewAdmin,
    mut input: impl BufRead,
) -> Result<Member, CreateAdminError> {
    let mut line = String::new();
    input.read_line(&mut line).map_err(CreateAdminError::Input)?;
    let password = NewPassword::from(line.trim_end_matches(['\r', '\n']).to_owned());
    password.validate().map_err(CreateAdminError::Password)?;
    let NewAdmin { email, name } = admin;
    let order = SignUp { role: Role::Admin, email, password, name, phone: None };
    sign_up(database, clock, passwords, order).await.map_err(CreateAdminError::SignUp)
}

fn email(text: &str) -> Result<Email, garde::Report> {
    let email = Email::from(text.to_owned());
    email.validate().map(|()| email)
}

fn name(text: &str) -> Result<MemberName, garde::Report> {
    let name = MemberName::from(text.to_owned());
    name.validate().map(|()| name)
}
