//! Who is woken by a connection to an instance.
//!
//! The connection and whoever drives it are parts of one task, and talk through channels: each message wakes that task while it
//! is at work. It would be polled again for nothing, with the client's connection and all that is between the two; that took a
//! sixth of the instructions of a request. So the connection and its channels get a waker of their own. It wakes the task only
//! while the task does not drive the connection; otherwise the connection is driven once more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::task::AtomicWaker;

/// Nobody drives the connection.
const AT_REST: u8 = 0;
/// The task drives it.
const DRIVEN: u8 = 1;
/// The task drives it, and has been woken meanwhile.
const WOKEN: u8 = 2;

/// How often a connection is driven at once. After that, other tasks have a turn.
const MOST_TURNS: u32 = 8;

/// The waker of one connection.
pub(super) struct Waking {
    shared: Arc<Shared>,
    /// The same as a waker.
    waker: Waker,
}

struct Shared {
    state: AtomicU8,
    /// The task that drives the connection now.
    task: AtomicWaker,
}

impl Waking {
    pub(super) fn new() -> Self {
        let shared = Arc::new(Shared { state: AtomicU8::new(AT_REST), task: AtomicWaker::new() });
        Self { waker: Waker::from(Arc::clone(&shared)), shared }
    }

    /// Drives a connection by `turn`, until it has nothing more to do now. The context is that of the task, which is woken from now
    /// on.
    pub(super) fn drive<T>(
        &self,
        context: &Context<'_>,
        mut turn: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.shared.task.register(context.waker());
        for _ in 0..MOST_TURNS {
            self.shared.state.store(DRIVEN, Ordering::Release);
            let polled = turn(&mut Context::from_waker(&self.waker));
            let was_woken = self.shared.state.swap(AT_REST, Ordering::AcqRel) == WOKEN;
            if polled.is_ready() || !was_woken {
                return polled;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Does something that would wake the task, which drives the connection right after it.
    pub(super) fn before_driving<T>(&self, work: impl FnOnce() -> T) -> T {
        self.shared.state.store(DRIVEN, Ordering::Release);
        let done = work();
        self.shared.state.store(AT_REST, Ordering::Release);
        done
    }

    /// Forgets the task. Nobody waits for the connection any more.
    pub(super) fn forget_task(&self) {
        drop(self.shared.task.take());
    }
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let noted = self.state.compare_exchange(DRIVEN, WOKEN, Ordering::AcqRel, Ordering::Acquire);
        if noted == Err(AT_REST) {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// A task that counts how often it is woken.
    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Task {
        fn wakes(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn a_connection_at_rest_wakes_the_task_that_drove_it_last() {
        let (waking, tasks) = (Waking::new(), [Arc::new(Task::default()), Arc::new(Task::default())]);
        let mut of_connection = None;
        for task in &tasks {
            let waker = Waker::from(Arc::clone(task));
            let polled: Poll<()> = waking.drive(&Context::from_waker(&waker), |context| {
                of_connection = Some(context.waker().clone());
                Poll::Pending
            });
            assert!(polled.is_pending());
        }
        let of_connection = of_connection.unwrap();
        of_connection.wake_by_ref();
        assert_eq!((tasks[0].wakes(), tasks[1].wakes()), (0, 1));
        waking.forget_task();
        of_connection.wake();
        assert_eq!(tasks[1].wakes(), 1);
    }

    #[test]
    fn a_connection_that_wakes_itself_has_another_turn_and_the_task_is_not_woken() {
        let (waking, task) = (Waking::new(), Arc::new(Task::default()));
        let waker = Waker::from(Arc::clone(&task));
        let mut turns = 0;
        let polled = waking.drive(&Context::from_waker(&waker), |context| {
            turns += 1;
            if turns < 3 {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(turns)
        });
        assert_eq!((polled, task.wakes()), (Poll::Ready(3), 0));
    }

    #[test]
    fn a_connection_that_always_wakes_itself_lets_other_tasks_work() {
        let (waking, task) = (Waking::new(), Arc::new(Task::default()));
        let waker = Waker::from(Arc::clone(&task));
        let polled: Poll<()> = waking.drive(&Context::from_waker(&waker), |context| {
            context.waker().wake_by_ref();
            Poll::Pending
        });
        assert_eq!((polled.is_pending(), task.wakes()), (true, 1));
    }
}
