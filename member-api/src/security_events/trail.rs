//! Recording what happens to accounts.
//!
//! An event is written in the transaction of what it tells of, so that neither is there without the other. What changes nothing, a
//! throttled attempt or a refused role, is written after the answer, so that it costs the sender's request nothing.
//!
//! The trail is bounded: of events that are alike (member, kind and outcome) only some are recorded in an hour, and all are deleted
//! after a time. Failed sign-ins to emails that nobody has count together as those of nobody.

use std::sync::Arc;
use std::time::Duration;

use access::MemberId;
use clock::Clock;
use database::{Connection, Database};
use quick_cache::sync::Cache;
use service_host::Live;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::new_event::NewEvent;
use super::{Kind, Outcome, db};
use crate::client::Client;
use crate::settings::SecurityEvents;

const HOUR: Duration = Duration::from_secs(3600);
/// How many subjects a process remembers to have noted something of.
const NOTED: usize = 20_000;
/// How many notes are written at once. Further ones are dropped.
const WRITING: usize = 2;
/// How many rows lose their address in one statement.
const ROWS_PER_STATEMENT: u32 = 500;

/// The trail. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Trail(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: Live<SecurityEvents>,
    database: Database,
    clock: Clock,
    background: TaskTracker,
    /// When something was last noted.
    noted: Cache<Noted, OffsetDateTime>,
    writing: Arc<Semaphore>,
}

/// Whom and what something was noted of.
type Noted = ([u8; 32], Kind);

/// An event that is to be recorded.
#[derive(Clone, Debug)]
#[must_use = "it is not recorded yet"]
pub struct Event {
    trail: Trail,
    row: NewEvent,
}

impl Trail {
    /// The trail in this schema. What is written after an answer runs among `background`.
    pub fn new(
        settings: Live<SecurityEvents>,
        database: Database,
        clock: Clock,
        background: TaskTracker,
    ) -> Self {
        metrics::describe_counter!(
            "security_events_dropped_total",
            "Security events that were not recorded, because there are many like them or many are being written"
        );
        let (noted, writing) = (Cache::new(NOTED), Arc::new(Semaphore::new(WRITING)));
        Self(Arc::new(Shared { settings, database, clock, background, noted, writing }))
    }

    /// An event of now. `None` is nobody: the email of an attempt belongs to no account.
    pub fn event(
        &self,
        kind: Kind,
        outcome: Outcome,
        member_id: impl Into<Option<MemberId>>,
        client: &Client,
    ) -> Event {
        let member_id = member_id.into().unwrap_or(MemberId(Uuid::nil()));
        let (id, at) = (self.0.clock.new_id(), self.0.clock.now());
        let row = NewEvent { id, member_id, session_id: None, kind, outcome, client: client.clone(), at };
        Event { trail: self.clone(), row }
    }

    /// Forgets the addresses and programs in the events of a member whose account is closed.
    pub async fn forget(&self, member_id: MemberId) -> sqlx::Result<()> {
        loop {
            let forget = self.0.database.run_autocommit("security_events_forget", move |connection| {
                Box::pin(db::forget_clients(connection, member_id, ROWS_PER_STATEMENT))
            });
            if forget.await? < u64::from(ROWS_PER_STATEMENT) {
                return Ok(());
            }
        }
    }

    /// Events from before this time are deleted.
    pub fn kept_since(&self, now: OffsetDateTime) -> OffsetDateTime {
        now - Duration::from_hours(24) * self.0.settings.get().kept_days
    }
}

impl Event {
    /// The same event, in a session.
    pub fn in_session(mut self, session_id: Uuid) -> Self {
        self.row.session_id = Some(session_id);
        self
    }

    /// Records it in the transaction of what it tells of, unless there are many like it.
    pub async fn record(&self, connection: &mut Connection) -> sqlx::Result<()> {
        let most = self.row.outcome.most_per_hour(self.trail.0.settings.get().most_per_hour);
        let alike = db::count_like(connection, &self.row, self.row.at - HOUR, most).await?;
        if alike >= i64::from(most) {
            count_dropped("many_alike");
            return Ok(());
        }
        db::insert(connection, &self.row).await
    }

    /// Records it after the answer. Once in an hour for each subject, this costs the database something, and otherwise nothing. If
    /// the database fails, or many are being written, it is not recorded.
    pub fn note(self, subject: [u8; 32]) {
        let shared = Arc::clone(&self.trail.0);
        let (noted, now) = ((subject, self.row.kind), self.row.at);
        if shared.noted.get(&noted).is_some_and(|at| at > now - HOUR) {
            return;
        }
        let Ok(permit) = Arc::clone(&shared.writing).try_acquire_owned() else {
            count_dropped("many_at_once");
            return;
        };
        shared.noted.insert(noted, now);
        let database = shared.database.clone();
        shared.background.spawn(async move {
            let _permit = permit;
            let write = database.run_autocommit("security_event_note", move |connection| {
                let event = self.clone();
                Box::pin(async move { event.record(connection).await })
            });
            if let Err(error) = write.await {
                tracing::warn!(%error, "a security event could not be recorded");
            }
        });
    }
}

fn count_dropped(reason: &'static str) {
    metrics::counter!("security_events_dropped_total", "reason" => reason).increment(1);
}
