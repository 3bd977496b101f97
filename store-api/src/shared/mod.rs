//! Small rules and steps that several features need.

mod description;
mod deserialize;
mod entity_tag;
pub(crate) mod http;
mod mark;
mod name;
mod patch;
mod seller_edit;
pub mod text;
mod transaction;
mod web_address;

pub use description::{Description, DescriptionFault};
pub use entity_tag::{EntityTag, Expected};
pub use mark::MarkError;
pub(crate) use mark::{MarkChange, Markable, change_mark};
pub use name::{ItemName, Name, NameFault, OptionName, StoreName};
pub use patch::Patch;
pub(crate) use patch::present;
pub(crate) use seller_edit::EditTransaction;
pub use seller_edit::{EditError, SellerEdit};
pub(crate) use transaction::{run_answered, run_tx_with};
pub use web_address::{WebAddress, WebAddressFault};
