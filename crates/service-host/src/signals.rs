//! SIGTERM and SIGINT, which end the process, and SIGHUP, which does not: a terminal that is closed ends no service, and changed settings
//! are taken without a signal.

use std::io;
use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The exit code after a second signal: 128 and the number of SIGINT, as in a shell.
const EXIT_AFTER_SECOND_SIGNAL: i32 = 130;

/// The signals of the process. Before it is made, a signal ends the process.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        let mut hangups = signal(SignalKind::hangup())?;
        tokio::spawn(async move {
            while hangups.recv().await.is_some() {
                tracing::info!("SIGHUP changes nothing: new settings are taken as they come");
            }
        });
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next signal, and gives its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// Ends the process at once at the next signal.
    pub(crate) fn exit_at_the_next(mut self) {
        tokio::spawn(async move {
            let signal = self.next().await;
            tracing::warn!(signal, "told to stop again; ending at once");
            telemetry::flush();
            process::exit(EXIT_AFTER_SECOND_SIGNAL);
        });
    }
}
