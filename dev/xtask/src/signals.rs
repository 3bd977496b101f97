//! Ctrl-C and similar signals, as a request to stop.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator;
use stack::{Interrupt, StackError};

/// Receives SIGINT, SIGTERM and SIGHUP. The first signal is a request to stop. At the second the process ends at once, and
/// the kernel stops its children.
pub(crate) struct Signals {
    interrupt: Interrupt,
    received: Receiver<()>,
}

impl Signals {
    /// Begins to receive signals. This does not change how children receive them.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let mut signals =
            iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]).context("listening for signals")?;
        let interrupt = Interrupt::default();
        let (tell, received) = channel();
        let request = interrupt.clone();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                if request.is_raised() {
                    std::process::exit(128 + signal);
                }
                request.raise();
                // An error means that the receiver is gone.
                let _ = tell.send(());
            }
        })?;
        Ok(Self { interrupt, received })
    }

    /// Raised at the first signal.
    pub(crate) fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// An error if a signal has come.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if self.interrupt.is_raised() { Err(StackError::Interrupted.into()) } else { Ok(()) }
    }

    /// Waits for a signal for some time. True if one came.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        !matches!(self.received.recv_timeout(time), Err(RecvTimeoutError::Timeout))
    }
}
