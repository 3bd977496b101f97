use std::time::Duration;

/// The limits for clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) first_byte: Duration,
    pub(crate) header_read: Duration,
    pub(crate) body_idle: Duration,
    pub(crate) write_idle: Duration,
    pub(crate) idle: Duration,
    pub(crate) half_close: Duration,
    pub(crate) drain_idle: Duration,
    pub(crate) connections: usize,
    /// `None` where all clients are known.
    pub(crate) connections_per_address: Option<usize>,
}
