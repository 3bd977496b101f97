//! The connection of a process to Redis.
//!
//! [`RedisConnection`] opens one connection at the first use, shares it among all callers, and replaces it when it has failed.
//! It is a [`ConnectionLike`], so that commands, scripts and pipelines run on it. [`RedisAddress`] says where Redis is, and
//! which authority signs its certificate.
//!
//! # Promises
//! - **Every wait has a limit.** A request ends after [`Timeouts::connect`] and [`Timeouts::response`] together, at the latest.
//!   A script may be three requests.
//! - **An answer reaches the caller that asked for it, or nobody.** A caller may be cancelled at any moment. The connection's
//!   own task still reads the answer and drops it (`redis::aio::MultiplexedConnection`, in `PipelineSink::send_result`), so that
//!   the next answer reaches the next caller. Redis may execute the command of a caller that was cancelled or timed out.
//! - **A connection that has failed is never used again.** An error that is not an answer of the server closes the connection,
//!   and the next request opens another one. The same holds if opening fails; `redis::aio::ConnectionManager` keeps an
//!   authentication error for ever.
//! - **A silent connection is replaced while Redis answers on others.** When a response does not arrive in time, a second
//!   connection is opened. If that succeeds, the network has lost the first one, and the second replaces it. If it fails, Redis
//!   itself hangs, and the first connection stays. So commands are executed in the order in which they were sent: the
//!   release of a lock does not overtake the request for it.
//! - **A new account takes effect without a new connection** ([`RedisAccount`]): the open one is told it, in its order among the
//!   commands. If that fails, it is dropped, and the next request opens one with the new account.

mod account;
mod address;
mod section;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, Shared};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Cmd, ErrorKind, Pipeline, RedisFuture, RedisResult, Value};
use settings::live::{self, Commit, Upcoming};
use tokio::task::JoinHandle;

use account::{Account, authentication};
use address::Target;

pub use account::RedisAccount;
pub use address::{AddressError, RedisAddress};
pub use section::RedisSettings;
pub use settings::{Password, Username};

/// How long a request waits.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// The limit for opening a connection, its handshake included.
    pub connect: Duration,
    /// The limit for an answer.
    pub response: Duration,
}

impl Timeouts {
    /// For a caller that waits for so long and then gives up. Each step has less time: when it fails, the caller is still there, and
    /// the connection notices that it is silent.
    pub fn within(limit: Duration) -> Self {
        let step = limit * 3 / 4;
        Self { connect: step, response: step }
    }
}

/// A connection to Redis. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct RedisConnection(Arc<Inner>);

struct Inner {
    target: Target,
    account: RedisAccount,
    config: AsyncConnectionConfig,
    current: Mutex<Option<Current>>,
    /// It begins with the first connection.
    following: OnceLock<Following>,
}

/// The task that tells the connection a new account.
struct Following(JoinHandle<()>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The connection that requests use at present.
struct Current {
    opening: Opening,
    /// Whether a second connection is being opened, to see whether this one is lost.
    is_suspect: bool,
}

/// A connection that is being opened or is open.
type Opening = Shared<BoxFuture<'static, RedisResult<MultiplexedConnection>>>;

impl fmt::Debug for RedisConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may contain a password.
        f.debug_struct("RedisConnection").finish_non_exhaustive()
    }
}

impl RedisConnection {
    /// It is opened at the first use, so a process can start without Redis. Fails if the address is malformed, or if the file
    /// of the authority can't be used.
    pub fn new(address: &RedisAddress<'_>, timeouts: Timeouts) -> Result<Self, AddressError> {
        Self::with_account(address, timeouts, &RedisAccount::default())
    }

    /// The same with an account that can change.
    pub fn with_account(
        address: &RedisAddress<'_>,
        timeouts: Timeouts,
        account: &RedisAccount,
    ) -> Result<Self, AddressError> {
        let target = address.target()?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(timeouts.connect))
            .set_response_timeout(Some(timeouts.response));
        Ok(Self(Arc::new(Inner {
            target,
            account: account.clone(),
            config,
            current: Mutex::new(None),
            following: OnceLock::new(),
        })))
    }

    /// Refuses new settings whose account Redis does not let in. A Redis that is away says nothing about it.
    pub fn refuse_wrong_accounts(&self) {
        let RedisAccount { username, password } = &self.0.account;
        // The account outlives the connection.
        let connection = Arc::downgrade(&self.0);
        live::prepare_together(&[username, password], move |upcoming| {
            try_upcoming(connection.clone(), upcoming)
        });
    }

    /// Sends a request on the current connection. After a failure, drops or checks the connection.
    async fn request<T>(
        &self,
        send: impl AsyncFnOnce(MultiplexedConnection) -> RedisResult<T>,
    ) -> RedisResult<T> {
        let opening = self.opening();
        let answer = async { send(opening.clone().await?).await }.await;
        if let Err(error) = &answer {
            if error.is_timeout() {
                self.replace_if_another_answers(opening);
            } else if error.clone().into_server_errors().is_none() {
                self.forget(&opening);
            }
        }
        answer
    }

    /// The current connection. If there is none, a separate task opens one, so that opening does not depend on its callers.
    fn opening(&self) -> Opening {
        self.0.following.get_or_init(|| {
            let RedisAccount { username, password } = &self.0.account;
            // They see every account after the one with which the first connection is opened.
            let (mut username, mut password) = (username.subscribe(), password.subscribe());
            let connection = Arc::downgrade(&self.0);
            Following(tokio::spawn(async move {
                loop {
                    let changed = tokio::select! {
                        changed = username.changed() => changed,
                        changed = password.changed() => changed,
                    };
                    if changed.is_err() {
                        return;
                    }
                    let Some(connection) = Weak::upgrade(&connection).map(Self) else { return };
                    connection.change_account().await;
                }
            }))
        });
        let mut current = self.current();
        if let Some(current) = &*current {
            return current.opening.clone();
        }
        let connection = self.clone();
        let opening = async move {
            let opened = connection.open().await;
            if opened.is_err() {
                // Until then the current connection is this one. The next request opens another one.
                *connection.current() = None;
            }
            opened
        };
        let opening = tokio::spawn(opening)
            .map(|opened| opened.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::BrokenPipe).into())))
            .boxed()
            .shared();
        *current = Some(Current { opening: opening.clone(), is_suspect: false });
        opening
    }

    async fn open(&self) -> RedisResult<MultiplexedConnection> {
        loop {
            let account = self.0.account.now();
            let opened = self.open_as(&account).await?;
            if account.is(&self.0.account.now()) {
                return Ok(opened);
            }
        }
    }

    async fn open_as(&self, account: &Account) -> RedisResult<MultiplexedConnection> {
        let target = &self.0.target;
        let client = target.client(account.over(target.settings().clone()))?;
        client.get_multiplexed_async_connection_with_config(&self.0.config).await
    }

    /// Tells the open connection the new account.
    async fn change_account(&self) {
        let Some(opening) = self.current().as_ref().map(|current| current.opening.clone()) else { return };
        let account = self.0.account.now().over(self.0.target.settings().clone());
        let told = match (opening.clone().await, authentication(&account)) {
            (Ok(mut connection), Some(command)) => connection.req_packed_command(&command).await.map(drop),
            // Nothing is open, or there is no account any more.
            _ => return self.forget(&opening),
        };
        match told {
            Ok(()) => tracing::info!("the connection to Redis goes on with the new account"),
            Err(error) => {
                tracing::warn!(%error, "the connection to Redis does not take the new account; it is replaced");
                self.forget(&opening);
            }
        }
    }

    fn forget(&self, failed: &Opening) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|current| current.opening.ptr_eq(failed)) {
            *current = None;
        }
    }

    /// Opens a second connection, and replaces the silent one by it if that succeeds. There is one second connection at a time.
    fn replace_if_another_answers(&self, silent: Opening) {
        match &mut *self.current() {
            Some(current) if current.opening.ptr_eq(&silent) && !current.is_suspect => {
                current.is_suspect = true;
            }
            _ => return,
        }
        let connection = self.clone();
        tokio::spawn(async move {
            let another = connection.open().await;
            let mut current = connection.current();
            let Some(current) = current.as_mut().filter(|current| current.opening.ptr_eq(&silent)) else {
                return;
            };
            current.is_suspect = false;
            if let Ok(another) = another {
                tracing::warn!("a connection to Redis is silent while Redis answers; it is replaced");
                current.opening = futures::future::ready(Ok(another)).boxed().shared();
            }
        });
    }

    fn current(&self) -> MutexGuard<'_, Option<Current>> {
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn try_upcoming(connection: Weak<Inner>, upcoming: Upcoming) -> Result<Commit, &'static str> {
    let accepted: Commit = Box::new(|| ());
    let Some(connection) = connection.upgrade().map(RedisConnection) else { return Ok(accepted) };
    let RedisAccount { username, password } = &connection.0.account;
    let account = Account { username: upcoming.of(username), password: upcoming.of(password) };
    match connection.open_as(&account).await {
        Err(error) if error.kind() == ErrorKind::AuthenticationFailed => {
            Err("Redis does not let this account in")
        }
        _ => Ok(accepted),
    }
}

impl ConnectionLike for RedisConnection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        self.request(async move |mut connection: MultiplexedConnection| {
            connection.req_packed_command(command).await
        })
        .boxed()
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.request(async move |mut connection: MultiplexedConnection| {
            connection.req_packed_commands(pipeline, offset, count).await
        })
        .boxed()
    }

    fn get_db(&self) -> i64 {
        self.0.target.settings().db()
    }
}
