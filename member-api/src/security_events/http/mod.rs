//! The routes of security events.

pub(crate) mod security_event_list;
