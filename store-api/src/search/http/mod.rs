//! The routes that find items and stores.

pub(crate) mod item_list;
mod keyword;
pub(crate) mod store_list;
