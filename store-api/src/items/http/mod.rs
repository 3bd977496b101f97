//! The routes of items, options and hearts: a file for each operation or pair of them.

pub(crate) mod bodies;
pub(crate) mod heart;
pub(crate) mod heart_list;
pub(crate) mod item_create;
pub(crate) mod item_delete;
pub(crate) mod item_show;
pub(crate) mod item_update;
pub(crate) mod option_create;
pub(crate) mod option_delete;
pub(crate) mod option_look_up;
pub(crate) mod option_update;
