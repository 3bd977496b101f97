//! The routes of stores and follows: a file for each operation or pair of them.

pub(crate) mod bodies;
pub(crate) mod follow;
pub(crate) mod follow_list;
pub(crate) mod my_store_list;
pub(crate) mod store_create;
pub(crate) mod store_delete;
pub(crate) mod store_show;
pub(crate) mod store_update;
