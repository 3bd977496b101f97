//! The account with which connections are opened. It can change while the process runs.
//!
//! Connections that are open keep the account with which they were opened, and end by their age. So a password is changed by two
//! accounts in turn: the new one is made, the settings name it, and the old one is removed later.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use settings::live::{self, Commit, Upcoming};
use settings::{Live, Password, Username};
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

/// What the server answers if it does not let an account in.
const ACCESS_DENIED: &str = "28000";
/// How long trying a new account may take.
const TRIAL_LIMIT: Duration = Duration::from_secs(5);

/// How connections are opened.
#[derive(Clone)]
pub(crate) struct Options {
    base: MySqlConnectOptions,
    account: Option<Account>,
}

#[derive(Clone)]
struct Account {
    username: Live<Username>,
    password: Live<Password>,
}

impl From<MySqlConnectOptions> for Options {
    /// Always the same account.
    fn from(base: MySqlConnectOptions) -> Self {
        Self { base, account: None }
    }
}

impl Options {
    /// The account of the settings, also of later ones. An account that the server does not let in is refused.
    pub(crate) fn with_account(
        base: MySqlConnectOptions,
        username: &Live<Username>,
        password: &Live<Password>,
    ) -> Self {
        let account = Account { username: username.clone(), password: password.clone() };
        let options = Self { base, account: Some(account) };
        let tried = options.clone();
        live::prepare_together(&[username, password], move |upcoming| tried.clone().try_upcoming(upcoming));
        options
    }

    /// The options for a connection that is opened now.
    pub(crate) fn now(&self) -> MySqlConnectOptions {
        match &self.account {
            None => self.base.clone(),
            Some(Account { username, password }) => {
                // Both are of the same account.
                let (username, password) = live::together(|| (username.get(), password.get()));
                self.of(&username, &password)
            }
        }
    }

    fn of(&self, username: &Username, password: &Password) -> MySqlConnectOptions {
        self.base.clone().username(&username.0).password(password.0.expose_secret())
    }

    /// Refuses an account that can't be used. A server that is away says nothing about it.
    async fn try_upcoming(self, upcoming: Upcoming) -> Result<Commit, &'static str> {
        let accepted: Commit = Box::new(|| ());
        let Some(Account { username, password }) = &self.account else { return Ok(accepted) };
        let options = self.of(&upcoming.of(username), &upcoming.of(password));
        match tokio::time::timeout(TRIAL_LIMIT, options.connect()).await {
            Ok(Err(sqlx::Error::Database(error))) if error.code().as_deref() == Some(ACCESS_DENIED) => {
                Err("the database does not let this account in")
            }
            Ok(Ok(connection)) => {
                // What comes of it does not matter: nothing was done on it.
                let _ = tokio::time::timeout(TRIAL_LIMIT, connection.close()).await;
                Ok(accepted)
            }
            _ => Ok(accepted),
        }
    }
}
