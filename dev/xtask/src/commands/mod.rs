//! One file for each command.

pub(crate) mod bench;
pub(crate) mod ci;
pub(crate) mod compare;
pub(crate) mod compose;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod docs;
pub(crate) mod operate;
pub(crate) mod reset;
pub(crate) mod roll;
pub(crate) mod seed;
pub(crate) mod test;
pub(crate) mod up;
