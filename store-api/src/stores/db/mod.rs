//! SQL over the tables `stores` and `follows`. Absence is `Ok(None)`.

pub mod follows;
pub mod stores;
