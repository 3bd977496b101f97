//! Small rules that several features need.

mod description;
mod direction;
pub(crate) mod http;
mod name;
mod patch;
pub mod text;
mod version;
mod web_address;

pub use description::{Description, DescriptionFault};
pub use direction::Direction;
pub use name::{ItemName, Name, NameFault, OptionName, StoreName};
pub use patch::Patch;
pub(crate) use patch::present;
pub use version::Expected;
pub use web_address::{WebAddress, WebAddressFault};
