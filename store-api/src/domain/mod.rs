//! The rules of stores, items and stock: values that can't be wrong and decisions that touch nothing. No HTTP, no SQL,
//! no clock.

mod category;
mod change;
mod description;
mod item;
mod item_filter;
mod name;
mod price;
pub mod reservation;
pub mod search;
pub mod stock;
mod store;
pub mod text;
mod version;
mod web_address;

pub use category::Category;
pub use change::Change;
pub use description::Description;
pub use item::{
    Item, ItemEdit, ItemOption, ItemWithOptions, MAX_OPTIONS, NewItem, NewOption, OptionEdit, first_repeated,
};
pub use item_filter::ItemFilter;
pub use name::{ItemName, Name, NameFault, OptionName, StoreName};
pub use price::Price;
pub use search::{ItemSort, StoreSort};
pub use store::{NewStore, Store, StoreEdit};
pub use version::Expected;
pub use web_address::WebAddress;
