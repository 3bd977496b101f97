//! Starts the service, and runs its commands.

use std::io::Write as _;

use account_closing::{ClosingClient, ORDER_API, STORE_API};
use clap::Subcommand;
use database::Database;
use hot_key_queue::HotKeyQueue;
use idempotency::IdempotencyKeys;
use secrecy::ExposeSecret as _;
use service_host::{App, Host, Service, UserKeysFrom};
use tokio_util::task::TaskTracker;

use crate::accounts::closing_worker::{self, DueClosings};
use crate::accounts::create_admin::{NewAdmin, create_admin};
use crate::accounts::operator_otp::{self, OfMember};
use crate::accounts::participants::Participants;
use crate::audit::ledger_audit;
use crate::members::password_hasher::PasswordHasher;
use crate::otp::keys::OtpKeys;
use crate::security_events::trail::Trail;
use crate::sessions::cleanup;
use crate::sessions::throttle::Throttle;
use crate::sessions::tokens::Tokens;
use crate::settings::{self, Settings};
use crate::state::AppState;
use crate::wallet::charge_batcher::ChargeBatcher;
use crate::{db, routes};

/// The service member-api.
#[derive(Debug)]
pub struct MemberApi;

/// The commands of member-api.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create an administrator. The password is the first line of standard input.
    CreateAdmin(NewAdmin),
    /// Give a member a new second factor, and print the address by which an authenticator takes it over. It is in force at once.
    EnrolOtp(OfMember),
    /// Remove the second factor of a member, who has lost it.
    RemoveOtp(OfMember),
}

impl Service for MemberApi {
    const NAME: &'static str = "member-api";
    const ABOUT: &'static str = "Members, sessions, wallets and the ledger.";
    const USER_KEYS: UserKeysFrom = UserKeysFrom::Itself;
    type Settings = Settings;
    type Command = Command;

    async fn start(host: &Host, settings: Settings) -> anyhow::Result<App> {
        let database = connect(&settings).await?;
        let clock = host.clock().clone();
        let tokens = Tokens::new(&settings.tokens, host.access(), clock.clone())?;
        tokens.publish(host.user_keys().clone());
        let throttle = Throttle::new(settings.sign_in, settings.tokens)?;
        let background = TaskTracker::new();
        let trail = Trail::new(settings.security_events, database.clone(), clock.clone(), background.clone());
        let state = AppState {
            database: database.clone(),
            clock: clock.clone(),
            charge_batcher: ChargeBatcher::new(database.clone(), clock.clone()),
            password_hasher: PasswordHasher::new(&settings.passwords)?,
            tokens,
            throttle: throttle.clone(),
            otp_keys: OtpKeys::new(settings.otp),
            trail: trail.clone(),
            participants: participants(host, &settings.closing)?,
            closing_settings: settings.closing,
            background,
        };
        let idempotency_keys = IdempotencyKeys::new(database.clone(), clock.clone());
        let wallet_lock = HotKeyQueue::new("wallet", &settings.redis, &settings.wallet_lock)?;
        let audit = ledger_audit::audit_periodically(database.clone(), clock.clone(), settings.audit);
        let shutdown = host.shutdown();
        let closings = state.clone();
        Ok(App::new(routes::router(state, &idempotency_keys, &wallet_lock))
            .worker("background", jobs::drain(closings.background.clone(), host.shutdown()))
            .watched_worker("closings", closing_worker::MAX_SILENCE, {
                let (state, shutdown) = (closings.clone(), host.shutdown());
                move |progress| DueClosings::new(state.clone()).keep_running(progress, shutdown.clone())
            })
            .watched_worker("closings-of-older-builds", closing_worker::MAX_SILENCE, {
                let shutdown = host.shutdown();
                move |progress| closing_worker::keep_adopting(closings.clone(), progress, shutdown.clone())
            })
            .watched_worker("idempotency-purge", IdempotencyKeys::MAX_SILENCE, {
                let shutdown = host.shutdown();
                move |progress| idempotency_keys.clone().keep_purging(progress, shutdown.clone())
            })
            .watched_worker("sweep", cleanup::MAX_SILENCE, {
                let (database, shutdown) = (database.clone(), host.shutdown());
                move |progress| {
                    cleanup::keep_deleting_expired(
                        database.clone(),
                        clock.clone(),
                        throttle.clone(),
                        trail.clone(),
                        progress,
                        shutdown.clone(),
                    )
                }
            })
            .worker("audit", async move {
                // It can be cancelled at any time, because it only reads.
                let _ = shutdown.run_until_cancelled(audit).await;
            })
            .check("mysql", move || {
                let database = database.clone();
                async move { database.check().await }
            })
            .optional_check("redis", move || {
                let wallet_lock = wallet_lock.clone();
                async move { wallet_lock.check().await }
            }))
    }

    async fn run(host: &Host, settings: Settings, command: Command) -> anyhow::Result<()> {
        let database = connect(&settings).await?;
        let clock = host.clock();
        let trail = Trail::new(settings.security_events, database.clone(), clock.clone(), TaskTracker::new());
        match command {
            Command::CreateAdmin(admin) => {
                let password_hasher = PasswordHasher::new(&settings.passwords)?;
                let input = std::io::stdin().lock();
                let member = create_admin(&database, clock, &password_hasher, &trail, admin, input).await?;
                tracing::info!(member_id = %member.id, "created an administrator");
            }
            Command::EnrolOtp(member) => {
                let keys = OtpKeys::new(settings.otp);
                let uri = operator_otp::enrol(&database, clock, &keys, &trail, member).await?;
                writeln!(std::io::stdout(), "{}", uri.expose_secret())?;
            }
            Command::RemoveOtp(member) => operator_otp::remove(&database, &trail, member).await?,
        }
        Ok(())
    }
}

/// The clients of the services that know members.
fn participants(host: &Host, settings: &settings::Closing) -> anyhow::Result<Participants> {
    let client = |service| {
        let client = host.service_client(service)?.with_deadline(settings.call_timeout());
        Ok::<_, anyhow::Error>(ClosingClient::new(client))
    };
    Ok(Participants { store: client(STORE_API)?, order: client(ORDER_API)? })
}

async fn connect(settings: &Settings) -> anyhow::Result<Database> {
    let database = Database::connect(&settings.database).await?;
    database.migrate(&db::MIGRATOR).await?;
    Ok(database)
}
