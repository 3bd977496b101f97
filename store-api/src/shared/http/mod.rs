//! What several handlers need.

mod batch;
pub(crate) mod etag;

pub(crate) use batch::batch_outcome;
