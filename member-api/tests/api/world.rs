//! A service with its own schema, members, and a clock that the test controls.

use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use access::{MemberId, Principal, Role, SigningKey, UserKeys, Verifier};
use account_closing::{ClosingClient, ORDER_API, Open, Participant, STORE_API};
use clock::{Clock, ClockControl};
use database::Database;
use discovery::Discovery;
use hot_key_queue::{HotKeyQueue, RedisSettings};
use idempotency::IdempotencyKeys;
use member_api::accounts::participants::Participants;
use member_api::members::HashKind;
use member_api::members::password_hasher::{HashTurn, PasswordHasher};
use member_api::otp::keys::OtpKeys;
use member_api::security_events::trail::Trail;
use member_api::sessions::throttle::Throttle;
use member_api::sessions::tokens::Tokens;
use member_api::settings;
use member_api::state::AppState;
use member_api::wallet::charge_batcher::ChargeBatcher;
use problem::Problem;
use sealing::OpeningKey;
use secrecy::SecretString;
use serde_json::{Value, json};
use service_client::{ServiceClient, TokenSource};
use sqlx::mysql::MySqlConnectOptions;
use sqlx::pool::PoolConnection;
use sqlx::{Executor, FromRow, MySql, MySqlPool};
use testkit::{Answer, Client, FaultProxy, People};
use time::macros::datetime;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// The password of every member.
pub(crate) const PASSWORD: &str = "macaron-tower-7";

pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) state: AppState,
    /// Connections of the test to the database.
    pool: MySqlPool,
    pub(crate) people: Arc<People>,
    pub(crate) clock_control: ClockControl,
    wallet_lock: HotKeyQueue,
}

/// A member who has signed up and signed in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: MemberId,
    pub(crate) email: String,
    pub(crate) token: String,
    pub(crate) refresh_token: String,
}

/// A row of `postings` with its transfer.
#[derive(Debug, PartialEq, Eq, FromRow)]
pub(crate) struct PostingRow {
    pub(crate) transfer_id: Uuid,
    pub(crate) kind: String,
    pub(crate) reference: Option<String>,
    pub(crate) account: Uuid,
    pub(crate) amount: i64,
    pub(crate) entry_no: Option<i64>,
    pub(crate) balance_after: Option<i64>,
}

/// The issuer and the audience of tokens in tests.
pub(crate) fn access_settings(audience: &str) -> access::Settings {
    serde_json::from_value(json!({
        "issuer": "https://dalkom.test", "audience": audience, "user-keys-service": "member-api",
    }))
    .unwrap()
}

/// Tokens with `count` new keys.
pub(crate) fn new_tokens(count: usize, access: &access::Settings, clock: &Clock) -> Tokens {
    let keys = std::iter::repeat_with(|| SigningKey::generate().unwrap()).take(count).collect();
    tokens_of(keys, access, clock)
}

pub(crate) fn tokens_of(
    signing_keys: Vec<secrecy::SecretString>,
    access: &access::Settings,
    clock: &Clock,
) -> Tokens {
    let settings = settings::Tokens {
        signing_keys,
        access_lifetime_s: 900,
        refresh_lifetime_days: 30,
        session_lifetime_days: 90,
    };
    Tokens::new(&settings.into(), access, clock.clone()).unwrap()
}

/// Two passwords are hashed at once, and more may wait for it than in a service, because tests share the machine.
pub(crate) fn passwords() -> settings::Passwords {
    settings::Passwords {
        hashes_at_once: NonZeroUsize::new(2),
        queue_wait_ms: 60_000,
        ..settings::Passwords::default()
    }
}

/// An account has 3 attempts, an address 5.
pub(crate) fn throttle() -> Throttle {
    let limits = settings::SignIn { account_attempts: 3, address_attempts: 5, ..settings::SignIn::default() };
    let signing_keys = vec!["the signing key of a test".to_owned().into()];
    let tokens = settings::Tokens {
        signing_keys,
        access_lifetime_s: 900,
        refresh_lifetime_days: 30,
        session_lifetime_days: 90,
    };
    Throttle::new(limits.into(), tokens.into()).unwrap()
}

/// A key that seals, which is the same in all instances.
pub(crate) fn otp_keys(required_for_admins: bool) -> OtpKeys {
    static KEY: LazyLock<SecretString> =
        LazyLock::new(|| OpeningKey::generate("test".parse().unwrap()).to_text());
    OtpKeys::new(settings::Otp { keys: vec![KEY.clone()], required_for_admins }.into())
}

/// 4 events of a kind and outcome are recorded in an hour.
pub(crate) fn security_events() -> settings::SecurityEvents {
    settings::SecurityEvents { most_per_hour: 4, ..settings::SecurityEvents::default() }
}

pub(crate) fn redis_url() -> String {
    std::env::var("REDIS_URL").expect("REDIS_URL is not set: run the tests with `cargo xtask test`")
}

/// A proxy to Redis, and the URL of the proxy.
pub(crate) fn proxy_to_redis() -> (FaultProxy, String) {
    let url = redis_url();
    let proxy = FaultProxy::to(url.trim_start_matches("redis://").split('/').next().unwrap());
    let proxy_url = format!("redis://{}", proxy.address());
    (proxy, proxy_url)
}

/// The wallet lock of one instance.
pub(crate) fn wallet_lock(redis_url: &str, settings: &hot_key_queue::Settings) -> HotKeyQueue {
    HotKeyQueue::new("wallet", &RedisSettings::at(redis_url), settings).unwrap()
}

/// A service in which no member ever has anything. The tests of order-api close accounts with the real services.
#[derive(Clone)]
struct Unused {
    database: Database,
    clock: Clock,
}

impl Participant for Unused {
    fn database(&self) -> &Database {
        &self.database
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    async fn find_open(&self, _: MemberId) -> Result<Vec<Open>, Problem> {
        Ok(Vec::new())
    }

    async fn forget(&self, _: MemberId, _: &str) -> Result<(), Problem> {
        Ok(())
    }
}

/// Both other services. They keep their marks in the schema of the test.
fn participants(people: &Arc<People>, database: Database, clock: &Clock) -> Participants {
    let participant = |service: &'static str| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let unused = Unused { database: database.clone(), clock: clock.clone() };
        let router = people.verifier_of(service).wrap(account_closing::router().with_state(unused.clone()));
        tokio::spawn(async move {
            let create = unused.database.run_autocommit("create", |connection| {
                Box::pin(async move {
                    let table = include_str!("../../../crates/account-closing/schema.sql");
                    let table = table.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS");
                    connection.execute(sqlx::AssertSqlSafe(table)).await.map(drop)
                })
            });
            create.await.unwrap();
            axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await
        });
        let people = Arc::clone(people);
        let tokens = TokenSource::new(move |audience| {
            Ok::<_, access::TokenError>(people.service_token("member-api", audience))
        });
        let discovery = Discovery::fixed([(service, vec![address])]);
        let http = service_client::http_client().unwrap();
        ClosingClient::new(ServiceClient::new(service, &discovery, tokens, http))
    };
    Participants { store: participant(STORE_API), order: participant(ORDER_API) }
}

impl World {
    pub(crate) fn new(options: MySqlConnectOptions) -> Self {
        let (clock, clock_control) = Clock::manual(datetime!(2026-11-22 09:00 UTC));
        let tokens = new_tokens(1, &access_settings("dalkom"), &clock);
        let pool = MySqlPool::connect_lazy_with(options.clone());
        let database = Database::from_options(options);
        let people = Arc::new(People::of("member-api", &clock));
        let background = TaskTracker::new();
        let trail = Trail::new(security_events().into(), database.clone(), clock.clone(), background.clone());
        let state = AppState {
            charge_batcher: ChargeBatcher::new(database.clone(), clock.clone()),
            password_hasher: PasswordHasher::new(&passwords()).unwrap(),
            tokens,
            throttle: throttle(),
            otp_keys: otp_keys(false),
            trail,
            participants: participants(&people, database.clone(), &clock),
            database,
            closing_settings: settings::Closing::default(),
            background,
            clock: clock.clone(),
        };
        let wallet_lock = wallet_lock(&redis_url(), &hot_key_queue::Settings::default());
        Self::of(state, pool, people, clock_control, wallet_lock)
    }

    fn of(
        state: AppState,
        pool: MySqlPool,
        people: Arc<People>,
        clock_control: ClockControl,
        wallet_lock: HotKeyQueue,
    ) -> Self {
        let user_keys = UserKeys::new("https://dalkom.test", "dalkom", state.clock.clone());
        user_keys.replace(&state.tokens.jwks());
        let verifier = Verifier::new(user_keys, people.verifier().service_keys().clone());
        let idempotency_keys = IdempotencyKeys::new(state.database.clone(), state.clock.clone());
        let router = member_api::routes::router(state.clone(), &idempotency_keys, &wallet_lock);
        Self {
            client: Client(problem::wrap(verifier.wrap(router))),
            state,
            pool,
            people,
            clock_control,
            wallet_lock,
        }
    }

    /// Restarts the service with other signing keys.
    pub(crate) fn with_tokens(self, tokens: Tokens) -> Self {
        Self::of(
            AppState { tokens, ..self.state },
            self.pool,
            self.people,
            self.clock_control,
            self.wallet_lock,
        )
    }

    /// Restarts the service with other settings of one-time passwords.
    pub(crate) fn with_otp_keys(self, otp_keys: OtpKeys) -> Self {
        Self::of(
            AppState { otp_keys, ..self.state },
            self.pool,
            self.people,
            self.clock_control,
            self.wallet_lock,
        )
    }

    /// Another instance of the service, which hashes by itself.
    pub(crate) fn another_instance(&self) -> Self {
        let password_hasher = PasswordHasher::new(&passwords()).unwrap();
        let (database, clock) = (self.state.database.clone(), self.state.clock.clone());
        let trail = Trail::new(security_events().into(), database, clock, self.state.background.clone());
        let state = AppState { password_hasher, trail, ..self.state.clone() };
        Self::of(
            state,
            self.pool.clone(),
            Arc::clone(&self.people),
            self.clock_control.clone(),
            self.wallet_lock.clone(),
        )
    }

    /// The turn to hash a password, so that others wait.
    pub(crate) async fn turn(&self, kind: HashKind) -> HashTurn {
        self.state.password_hasher.turn(kind).await.unwrap()
    }

    /// Runs a request until one more than now waits for its turn to hash.
    pub(crate) async fn until_waiting(&self, request: &mut (impl Future<Output = Answer> + Unpin)) {
        let more = self.state.password_hasher.waiting() + 1;
        let waits = testkit::until("the request waits", Duration::from_secs(20), async || {
            self.state.password_hasher.waiting() == more
        });
        tokio::select! {
            () = waits => {}
            answer = request => panic!("it did not wait: {answer:?}"),
        }
    }

    /// Restarts the service.
    pub(crate) fn restarted(self) -> Self {
        Self::of(self.state, self.pool, self.people, self.clock_control, self.wallet_lock)
    }

    /// Restarts the service with another wallet lock.
    pub(crate) fn with_wallet_lock(self, wallet_lock: HotKeyQueue) -> Self {
        Self::of(self.state, self.pool, self.people, self.clock_control, wallet_lock)
    }

    /// A connection of the test to the database.
    pub(crate) async fn connection(&self) -> PoolConnection<MySql> {
        self.pool.acquire().await.unwrap()
    }

    pub(crate) async fn customer(&self, name: &str) -> Person {
        self.person("customers", name).await
    }

    pub(crate) async fn seller(&self, name: &str) -> Person {
        self.person("sellers", name).await
    }

    async fn person(&self, path: &str, name: &str) -> Person {
        let email = format!("{name}@example.com");
        let body = json!({"email": email, "password": PASSWORD, "name": name});
        let member = self.client.post(&format!("/api/member/{path}")).json(&body).send().await;
        let id = member.expect(http::StatusCode::CREATED).body["id"].as_str().unwrap().parse().unwrap();
        let session = self.sign_in(&email).await;
        let text = |name: &str| session[name].as_str().unwrap().to_owned();
        let (token, refresh_token) = (text("accessToken"), text("refreshToken"));
        Person { id: MemberId(id), email, token, refresh_token }
    }

    pub(crate) async fn sign_in(&self, email: &str) -> Value {
        let body = json!({"email": email, "password": PASSWORD});
        self.client
            .post("/api/member/sessions")
            .json(&body)
            .send()
            .await
            .expect(http::StatusCode::CREATED)
            .body
    }

    /// An access token of a member who does not exist.
    pub(crate) fn token_of_a_stranger(&self, role: Role) -> String {
        let (member_id, session_id) = (self.people.new_member(), self.state.clock.new_id());
        self.state.tokens.sign(&Principal { member_id, role, session_id }).unwrap()
    }

    /// Charges a wallet, with a new Idempotency-Key.
    pub(crate) async fn charge(&self, who: &Person, amount: i64) -> Value {
        let key = self.state.clock.new_id().to_string();
        let request = self.client.post("/api/member/me/wallet/charges").bearer(&who.token).key(&key);
        request.json(&json!({"amount": amount})).send().await.expect(http::StatusCode::CREATED).body
    }

    /// The balance and the version of a wallet's row.
    pub(crate) async fn wallet(&self, who: &Person) -> (i64, i64) {
        sqlx::query_as("SELECT balance, version FROM wallets WHERE member_id = ?")
            .bind(who.id.0)
            .fetch_one(&mut *self.connection().await)
            .await
            .unwrap()
    }

    /// All postings, in the order of their transfers.
    pub(crate) async fn postings(&self) -> Vec<PostingRow> {
        sqlx::query_as(
            "SELECT p.transfer_id, t.kind, t.reference, p.account, p.amount, p.entry_no, p.balance_after \
             FROM postings p JOIN transfers t ON t.id = p.transfer_id \
             ORDER BY t.created_at, p.transfer_id, p.entry_no IS NULL",
        )
        .fetch_all(&mut *self.connection().await)
        .await
        .unwrap()
    }

    /// The result of a query that counts rows.
    pub(crate) async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&mut *self.connection().await).await.unwrap()
    }
}
