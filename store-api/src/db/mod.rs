//! The schema `store`: its migrations, and what the SQL of several features needs. Each feature has its own SQL in its
//! `db/`.

mod error;
mod index_order;
mod list;
mod member_rows;

use sqlx::migrate::Migrator;

pub(crate) use error::{number, on_duplicate, parse, unreadable};
pub(crate) use index_order::IndexOrder;
pub(crate) use list::{insert_rows, padded, push_list};
pub(crate) use member_rows::MemberRows;

/// The migrations. They create the schema, or bring an older one up to date.
pub static MIGRATOR: Migrator = sqlx::migrate!("./migrations");
