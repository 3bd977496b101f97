//! Hashes passwords on separate threads, with a limit on how many are hashed at once.
//!
//! A hash takes milliseconds of a core. On the threads of tokio it would delay every other request. In tokio's pool for blocking
//! work it would delay other blocking work.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use argon2::password_hash::Error;
use secrecy::ExposeSecret;
use tokio::sync::oneshot;

use super::hash_memory::HashMemory;
use super::hash_queue::{HashKind, HashQueue, Permit, QueueFull};
use crate::members::{NewPassword, PasswordAttempt};
use crate::settings::Passwords;

/// How much higher the niceness of these threads is than that of the process. With few cores, short work then runs first.
const NICER: i32 = 5;

/// Hashes and verifies passwords. Cheap to clone; clones share the queues and the threads.
#[derive(Clone, Debug)]
pub struct PasswordHasher {
    queue: Arc<HashQueue>,
    jobs: Sender<Job>,
}

/// The right to hash, one password after another, until it is dropped.
#[derive(Debug)]
pub struct HashTurn {
    permit: Arc<Permit>,
    jobs: Sender<Job>,
    waited: bool,
}

/// Whether a password was right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the one of the hash.
    Wrong,
    /// It is.
    Right,
    /// It is, as it was typed: the hash is older than the rule that a password is hashed in its one form.
    RightAsTyped {
        /// The hash of the password in its one form, to replace the old one.
        renewed: String,
    },
}

type Job = Box<dyn FnOnce(&mut HashMemory) + Send>;

/// Why a password could not be hashed or verified.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// As many requests of this kind are waiting as may wait.
    #[error("too many passwords wait to be hashed")]
    Busy,
    /// The password has a character that no new password may have, and was not validated.
    #[error("the password can't be hashed")]
    Unfit,
    /// The algorithm failed, or a stored hash is malformed.
    #[error("the password could not be hashed")]
    Argon2(#[source] Error),
    /// A thread could not be started.
    #[error("a thread that hashes passwords could not be started")]
    Thread(#[source] io::Error),
    /// Hashing it has panicked.
    #[error("the thread that hashes passwords stopped")]
    Stopped,
}

impl PasswordError {
    /// When a refused request may be sent again: a queue is empty within this time.
    pub const RETRY_AFTER: Duration = Duration::from_secs(1);
}

impl PasswordHasher {
    /// Starts the threads, one for each password that is hashed at once.
    pub fn new(settings: &Passwords) -> Result<Self, PasswordError> {
        metrics::describe_counter!(
            "password_hashes_refused_total",
            "Requests that were refused because too many passwords waited to be hashed, by kind"
        );
        let permits = settings.hashes_at_once();
        let lengths = [settings.sign_in_queue, settings.sign_up_queue, settings.change_queue];
        let longest_wait = Duration::from_millis(settings.queue_wait_ms);
        let (jobs, received) = mpsc::channel();
        start_threads(permits, received).map_err(PasswordError::Thread)?;
        Ok(Self { queue: Arc::new(HashQueue::new(permits.get(), lengths, longest_wait)), jobs })
    }

    /// Waits for the turn of a request of this kind. Fails at once if too many are waiting. If the future is dropped, the request
    /// leaves the queue.
    pub async fn turn(&self, kind: HashKind) -> Result<HashTurn, PasswordError> {
        let (permit, waited) = self.queue.enter(kind).await.map_err(|QueueFull| {
            let kind: &'static str = kind.into();
            metrics::counter!("password_hashes_refused_total", "kind" => kind).increment(1);
            PasswordError::Busy
        })?;
        Ok(HashTurn { permit: Arc::new(permit), jobs: self.jobs.clone(), waited })
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }
}

impl HashTurn {
    /// Whether it was waited for.
    pub fn waited(&self) -> bool {
        self.waited
    }

    /// Returns the PHC string of a new password, with a new salt.
    pub async fn hash(&self, password: NewPassword) -> Result<String, PasswordError> {
        if password.expose().is_none() {
            return Err(PasswordError::Unfit);
        }
        self.run(move |memory| memory.hash(password.expose().unwrap_or_default().as_bytes())).await
    }

    /// Returns whether the password matches the hash: in its one form, or else as it was typed, if that differs. Without a hash it
    /// is wrong, after the same time: how often it is hashed before it is wrong depends only on what was typed.
    pub async fn verify(
        &self,
        attempt: PasswordAttempt,
        hash: Option<String>,
    ) -> Result<Verdict, PasswordError> {
        self.run(move |memory| verdict(memory, &attempt, hash.as_deref())).await
    }

    async fn run<T, F>(&self, work: F) -> Result<T, PasswordError>
    where
        T: Send + 'static,
        F: FnOnce(&mut HashMemory) -> Result<T, Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let permit = Arc::clone(&self.permit);
        let job = move |memory: &mut HashMemory| {
            // The thread holds the permit too, so that the end of a cancelled request does not start another hash too early.
            let _permit = permit;
            if !answer.is_closed() {
                let started_at = Instant::now();
                let result = work(memory);
                let _ = answer.send((result, started_at.elapsed()));
            }
        };
        self.jobs.send(Box::new(job)).map_err(|_| PasswordError::Stopped)?;
        let (result, duration) = answered.await.map_err(|_| PasswordError::Stopped)?;
        metrics::histogram!("password_hash_seconds").record(duration);
        result.map_err(PasswordError::Argon2)
    }
}

fn verdict(memory: &mut HashMemory, attempt: &PasswordAttempt, hash: Option<&str>) -> Result<Verdict, Error> {
    let typed = attempt.as_typed();
    let Some(prepared) = attempt.prepared() else {
        // No new password can be this, and an older one can.
        let right = memory.verify(typed.as_bytes(), hash)?;
        return Ok(if right { Verdict::Right } else { Verdict::Wrong });
    };
    let prepared = prepared.expose_secret();
    if memory.verify(prepared.as_bytes(), hash)? {
        return Ok(Verdict::Right);
    }
    if prepared == typed || !memory.verify(typed.as_bytes(), hash)? {
        return Ok(Verdict::Wrong);
    }
    Ok(Verdict::RightAsTyped { renewed: memory.hash(prepared.as_bytes())? })
}

/// The threads end with the last sender of jobs.
fn start_threads(count: NonZeroUsize, jobs: Receiver<Job>) -> io::Result<()> {
    let jobs = Arc::new(Mutex::new(jobs));
    for _ in 0..count.get() {
        let jobs = Arc::clone(&jobs);
        thread::Builder::new().name("password-hash".to_owned()).spawn(move || {
            // On Linux it is the niceness of this thread alone. Where it can't be changed, hashing only has the usual priority.
            let _ = rustix::process::nice(NICER);
            let mut memory = HashMemory::default();
            let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            while let Ok(job) = next() {
                // If the job panics, its caller gets no answer. The memory stays usable, because each hash overwrites it.
                let _ = catch_unwind(AssertUnwindSafe(|| job(&mut memory)));
            }
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures::poll;

    use super::*;

    /// 비밀번호여덟글자, of Hangul letters.
    const COMPOSED_OF_PARTS: &str = "\u{1107}\u{1175}\u{1106}\u{1175}\u{11AF}\u{1107}\u{1165}\u{11AB}\u{1112}\u{1169}\
        \u{110B}\u{1167}\u{1103}\u{1165}\u{11B2}\u{1100}\u{1173}\u{11AF}\u{110C}\u{1161}";

    fn attempt(text: &str) -> PasswordAttempt {
        serde_json::from_value(text.into()).unwrap()
    }

    fn password() -> NewPassword {
        "macaron-tower-7".to_owned().into()
    }

    fn hasher() -> PasswordHasher {
        PasswordHasher::new(&Passwords { hashes_at_once: Some(NonZeroUsize::MIN), ..Passwords::default() })
            .unwrap()
    }

    #[tokio::test]
    async fn a_password_is_verified_by_its_hash_and_an_unknown_account_has_none() {
        let turn = hasher().turn(HashKind::SignIn).await.unwrap();
        let hash = turn.hash(password()).await.unwrap();
        let verify = async |text: &str, hash: Option<&String>| {
            turn.verify(attempt(text), hash.cloned()).await.unwrap()
        };
        assert_eq!(verify("macaron-tower-7", Some(&hash)).await, Verdict::Right);
        assert_eq!(verify("macaron-tower-8", Some(&hash)).await, Verdict::Wrong);
        assert_eq!(verify("macaron-tower-7", None).await, Verdict::Wrong);
        assert!(turn.verify(attempt("x"), Some("no hash".to_owned())).await.is_err());
    }

    #[tokio::test]
    async fn a_password_is_right_however_its_letters_are_composed() {
        let turn = hasher().turn(HashKind::SignIn).await.unwrap();
        let (composed, decomposed) = ("비밀번호여덟글자", COMPOSED_OF_PARTS);
        for set in [composed, decomposed] {
            let hash = turn.hash(set.to_owned().into()).await.unwrap();
            for typed in [composed, decomposed] {
                let verdict = turn.verify(attempt(typed), Some(hash.clone())).await.unwrap();
                assert_eq!(verdict, Verdict::Right, "{set:?} {typed:?}");
            }
        }
        assert!(matches!(turn.hash("a\0b".to_owned().into()).await, Err(PasswordError::Unfit)));
    }

    #[tokio::test]
    async fn a_hash_of_a_password_as_it_was_typed_stays_good_and_is_made_anew() {
        let turn = hasher().turn(HashKind::SignIn).await.unwrap();
        let old = turn.run(|memory| memory.hash(COMPOSED_OF_PARTS.as_bytes())).await.unwrap();
        let verdict = turn.verify(attempt(COMPOSED_OF_PARTS), Some(old.clone())).await.unwrap();
        let Verdict::RightAsTyped { renewed } = verdict else { panic!("{verdict:?}") };
        let verdict = turn.verify(attempt("비밀번호여덟글자"), Some(renewed)).await.unwrap();
        assert_eq!(verdict, Verdict::Right);
        let wrong = format!("{COMPOSED_OF_PARTS}1");
        assert_eq!(turn.verify(attempt(&wrong), Some(old)).await.unwrap(), Verdict::Wrong);
        // No new password could be this.
        let old = turn.run(|memory| memory.hash(b"macaron\ttower")).await.unwrap();
        assert_eq!(turn.verify(attempt("macaron\ttower"), Some(old)).await.unwrap(), Verdict::Right);
    }

    #[test]
    fn an_unknown_account_is_hashed_for_as_often_as_a_known_one() {
        for (typed, hashes) in [("macaron-tower-7", 1), (COMPOSED_OF_PARTS, 2), ("macaron\ttower", 1)] {
            let mut memory = HashMemory::default();
            let hash = memory.hash(b"another").unwrap();
            for hash in [None, Some(hash.as_str())] {
                let before = memory.filled();
                assert_eq!(verdict(&mut memory, &attempt(typed), hash).unwrap(), Verdict::Wrong);
                assert_eq!(memory.filled() - before, hashes, "{typed:?} {hash:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_cancelled_request_holds_its_permit_until_the_hash_is_done() {
        let hasher = hasher();
        let turn = hasher.turn(HashKind::SignUp).await.unwrap();
        let mut cancelled = Box::pin(async move { turn.hash(password()).await });
        assert!(poll!(&mut cancelled).is_pending());
        drop(cancelled);
        // The next one gets the permit when the thread has seen the end of the first.
        drop(hasher.turn(HashKind::SignUp).await.unwrap());
        assert_eq!(hasher.queue.free(), 1);
    }

    #[tokio::test]
    async fn the_password_of_a_client_that_has_gone_is_not_hashed() {
        let turn = hasher().turn(HashKind::SignUp).await.unwrap();
        let (begun, seen) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let blocker = turn.run(move |_| {
            released.recv().ok();
            Ok(())
        });
        let mut blocker = Box::pin(blocker);
        assert!(poll!(&mut blocker).is_pending());
        let mut given_up = Box::pin(turn.run(move |_| {
            begun.send(()).ok();
            Ok(())
        }));
        assert!(poll!(&mut given_up).is_pending());
        drop(given_up);
        release.send(()).unwrap();
        blocker.await.unwrap();
        turn.run(|_| Ok(())).await.unwrap();
        assert!(seen.recv().is_err(), "the work was dropped without having been done");
    }

    #[tokio::test]
    async fn a_panic_is_an_error_of_its_own_request_only() {
        let hasher = hasher();
        let turn = hasher.turn(HashKind::SignIn).await.unwrap();
        let panicking = turn.run(|_| -> Result<(), Error> { panic!("a test's panic") });
        assert!(matches!(panicking.await, Err(PasswordError::Stopped)));
        assert_eq!(turn.verify(attempt("macaron-tower-7"), None).await.unwrap(), Verdict::Wrong);
        drop(turn);
        drop(hasher.turn(HashKind::SignIn).await.unwrap());
    }
}
