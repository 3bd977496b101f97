//! What the handlers of several features need.

mod batch;
mod errors;
pub(crate) mod etag;
mod seller_edit;

pub(crate) use batch::batch_outcome;
