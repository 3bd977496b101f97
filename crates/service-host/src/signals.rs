//! SIGTERM and SIGINT.

use std::io;
use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The exit code of a process that a second signal ended at once: 128 and the number of SIGINT, as a shell has it.
const IMPATIENT: i32 = 130;

/// Listens from its making on; until then a signal ends the process, as it does by default.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next signal; gives its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// Ends the process at the next signal, whatever it is at.
    pub(crate) fn end_at_the_next(mut self) {
        tokio::spawn(async move {
            let signal = self.next().await;
            tracing::warn!(signal, "told to stop again; ending at once");
            process::exit(IMPATIENT);
        });
    }
}
