//! Background work, in every instance of a service.
//!
//! A [`Queue`] is work that is stored with a lease. A [`LeaseWorker`] claims what is due and runs it: due is what nobody
//! works on, because its process has ended, or because it was rescheduled.
//!
//! Each queue has a worker of its own, with a limited number of slots. A task is claimed only if a slot is free, and runs
//! in a task of the runtime of its own. So a task that waits for a slow service occupies one slot, and all others go on.
//!
//! A task ends within its lease. A task that does not finish (it ran out of time, panicked, or was dropped with its
//! worker) is claimed again when its lease has expired. For a moment two instances may run the same task. This is safe if
//! the requests that it sends carry the same ids, and if each of its writes names the attempt that it belongs to.
//!
//! This folder knows nothing of the service that it is in.
//!
//! | file | owns |
//! |---|---|
//! | `lease_worker` | claiming tasks and running them |
//! | `slots` | the running tasks, and their limit |
//! | `backoff` | the pause before the next attempt |
//! | `backlog` | the metrics of unfinished tasks |
//! | `repeat` | work that is repeated at intervals |
//! | `background` | work that outlives the request that began it |

mod background;
mod backlog;
mod backoff;
mod lease_worker;
mod repeat;
mod slots;

pub use background::drain_background;
pub use backlog::{Backlog, BacklogGauges};
pub use backoff::backoff;
pub use lease_worker::{LeaseWorker, Queue};
pub use repeat::repeat;
