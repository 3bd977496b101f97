//! The route of the audit.

pub(crate) mod audit_show;
