//! A wish to stop, shared between the thread that hears of Ctrl-C and the ones that wait for something.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Raised once, when whoever started the work wants it to end.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Makes everything that waits give up with [`crate::StackError::Interrupted`].
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody wants the work to end.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
