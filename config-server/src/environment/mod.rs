//! The settings of an application: the sources of a request with opened values, and the forms in which they are served.

mod answer;
mod environments;
mod merged;
mod nested;
mod placeholders;
mod rendering;
mod yaml_text;

pub(crate) use answer::{Environment, WithOrigins};
pub(crate) use environments::PlainFile;
pub use environments::{EnvironmentError, Environments, Options, Query};
pub(crate) use rendering::{Rendering, RenderingError, fill_in};
