//! What the connections of a port share, and what the requests of a connection share.

use std::sync::Arc;

use super::drain::Drain;
use super::limits::Limits;
use super::room::Room;
use super::socket::Peer;
use super::tls::Tls;
use crate::app::UnboundedPeers;
use crate::front::Client;
use crate::handler::Handler;

/// The connections that ended without an answer to what was sent last, by reason.
pub(super) const DROPPED: &str = "http_connections_dropped_total";

/// What all connections of a port share.
pub(crate) struct Port {
    pub(super) handler: Handler,
    pub(super) limits: Limits,
    pub(super) drain: Drain,
    pub(super) room: Arc<Room>,
    pub(super) tls: Option<Arc<Tls>>,
}

impl Port {
    pub(crate) fn new(
        handler: Handler,
        limits: Limits,
        unbounded_peers: Option<UnboundedPeers>,
        tls: Option<Arc<Tls>>,
        drain: Drain,
    ) -> Arc<Self> {
        let is_unbounded = unbounded_peers.unwrap_or_else(|| Box::new(|_| false));
        let room = Arc::new(Room::new(limits.connections, limits.connections_per_address, is_unbounded));
        Arc::new(Self { handler, limits, drain, room, tls })
    }
}

/// What the requests of a connection share.
pub(super) struct Connection {
    pub(super) peer: Peer,
    pub(super) client: Client,
    pub(super) port: Arc<Port>,
}
