//! A request to stop, shared between the thread that receives Ctrl-C and the threads that wait for something.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Raised once, to end the work.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Makes every wait end with [`crate::StackError::Interrupted`].
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the work is to end.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
