//! Ctrl-C and its like, as a wish to stop in order.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator;
use stack::Interrupt;

/// Hears SIGINT, SIGTERM and SIGHUP instead of dying of them. The first is a wish to stop in order; at the second we
/// end at once, and the kernel stops our children.
pub(crate) struct Signals {
    interrupt: Interrupt,
    heard: Receiver<()>,
}

impl Signals {
    /// Listens from now on. Children that are started hear signals as if we did not.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let mut signals =
            iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]).context("listening for signals")?;
        let interrupt = Interrupt::default();
        let (tell, heard) = channel();
        let wish = interrupt.clone();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                if wish.is_raised() {
                    std::process::exit(128 + signal);
                }
                wish.raise();
                // Whoever listened may be through.
                let _ = tell.send(());
            }
        })?;
        Ok(Self { interrupt, heard })
    }

    /// Raised at the first signal.
    pub(crate) fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// Waits a while for a signal, and tells whether one came.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        !matches!(self.heard.recv_timeout(time), Err(RecvTimeoutError::Timeout))
    }
}
