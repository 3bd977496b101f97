//! `member-api create-admin`: the only way to create an administrator.

use std::io::{self, BufRead};

use access::Role;
use clap::Args;
use clock::Clock;
use database::Database;
use garde::Validate;

use crate::accounts::sign_up::{NewMember, SignUp, SignUpError, sign_up};
use crate::client::Client;
use crate::members::password_hasher::PasswordHasher;
use crate::members::{Email, HashKind, Member, MemberName, NewPassword, not_made_of};
use crate::security_events::trail::Trail;
use crate::security_events::{Kind, Outcome};
use crate::sessions::attempt::Attempt;

/// The new administrator.
#[derive(Clone, Debug, Args)]
pub struct NewAdmin {
    /// The email to sign in with.
    #[arg(long, value_parser = parse_email)]
    pub email: Email,
    /// The name of the administrator.
    #[arg(long, default_value = "관리자", value_parser = parse_name)]
    pub name: MemberName,
}

/// Why no administrator was created.
#[derive(Debug, thiserror::Error)]
pub enum CreateAdminError {
    /// Standard input could not be read.
    #[error("the password could not be read from standard input")]
    Input(#[source] io::Error),
    /// The password is not valid.
    #[error("the password on standard input breaks a rule: {0}")]
    Password(garde::Report),
    /// The password is made of the email or the name.
    #[error("the password on standard input is made of the email or the name")]
    MadeOfAccount(#[source] garde::Error),
    /// The account could not be created.
    #[error("the account could not be created")]
    SignUp(#[source] SignUpError),
}

/// Creates an administrator. The password is the first line of `input`, because a command line is visible to other
/// users of the machine.
pub async fn create_admin(
    database: &Database,
    clock: &Clock,
    password_hasher: &PasswordHasher,
    trail: &Trail,
    admin: NewAdmin,
    mut input: impl BufRead,
) -> Result<Member, CreateAdminError> {
    let mut line = String::new();
    input.read_line(&mut line).map_err(CreateAdminError::Input)?;
    let password = NewPassword::from(line.trim_end_matches(['\r', '\n']).to_owned());
    password.validate().map_err(CreateAdminError::Password)?;
    let NewAdmin { email, name } = admin;
    not_made_of(&email, &name)(&password, &()).map_err(CreateAdminError::MadeOfAccount)?;
    let new_member = NewMember { role: Role::Admin, email, password, name, phone: None };
    let turn = password_hasher.turn(HashKind::SignUp).await;
    let turn = turn.map_err(|error| CreateAdminError::SignUp(error.into()))?;
    let created = SignUp::unanswered(clock, new_member, |admin| {
        Some(trail.event(Kind::AdminCreation, Outcome::Succeeded, admin, &Client::default()))
    });
    let created = sign_up(database, &turn, Attempt::unlimited(), created).await;
    created.map(|(member, _)| member).map_err(CreateAdminError::SignUp)
}

/// Reads the email of a command line.
pub(super) fn parse_email(text: &str) -> Result<Email, garde::Report> {
    let email = Email::from(text.to_owned());
    email.validate().map(|()| email)
}

fn parse_name(text: &str) -> Result<MemberName, garde::Report> {
    let name = MemberName::from(text.to_owned());
    name.validate().map(|()| name)
}
