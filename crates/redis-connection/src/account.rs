//! The account with which Redis is used. It can change while the process runs.
//!
//! A password is changed by two accounts, or two passwords of one account, in turn: the new one is made, the settings name it, and
//! the old one is removed later. An open connection goes on with the new account (`AUTH`), so commands stay in their order, and
//! none is lost.

use std::sync::Arc;

use redis::{Cmd, RedisConnectionInfo};
use secrecy::ExposeSecret as _;
use settings::live;
use settings::{Live, Password, Username};

/// The account of the settings. What is not set is taken from the address.
#[derive(Clone, Debug, Default)]
pub struct RedisAccount {
    /// `redis.username`.
    pub username: Live<Option<Username>>,
    /// `redis.password`.
    pub password: Live<Option<Password>>,
}

/// The account at one moment.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) username: Arc<Option<Username>>,
    pub(crate) password: Arc<Option<Password>>,
}

impl RedisAccount {
    /// Both are of the same account.
    pub(crate) fn now(&self) -> Account {
        let (username, password) = live::together(|| (self.username.get(), self.password.get()));
        Account { username, password }
    }
}

impl Account {
    /// The account over that of the address.
    pub(crate) fn over(&self, mut address: RedisConnectionInfo) -> RedisConnectionInfo {
        if let Some(Username(username)) = &*self.username {
            address = address.set_username(username);
        }
        if let Some(Password(password)) = &*self.password {
            address = address.set_password(password.expose_secret());
        }
        address
    }

    /// Whether it was read at the same moment, or nothing has changed since.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.username, &other.username) && Arc::ptr_eq(&self.password, &other.password)
    }
}

/// The command by which a connection takes an account. `None` if there is no password.
pub(crate) fn authentication(account: &RedisConnectionInfo) -> Option<Cmd> {
    let password = account.password()?;
    let mut command = redis::cmd("AUTH");
    if let Some(username) = account.username() {
        command.arg(username);
    }
    command.arg(password);
    Some(command)
}
