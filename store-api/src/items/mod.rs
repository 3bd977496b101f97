//! Items and their options: sellers list, edit and delete them, customers give them hearts, and carts look options up.
//!
//! Each change is one transaction that locks the row of the item. Whether the item belongs to the seller is checked on
//! that row, under that lock. Locks are always taken in this order: store, item, option.
//!
//! # Price and sold count
//! The price of an item is that of its cheapest option that can be bought now. The price and the count of sold pieces are stored in
//! the row of the item, because lists are sorted by them. A reservation does not write that row, unless it takes the last piece of
//! an option or brings the first one back. Then it locks the item and updates the price. [`figures_worker`] corrects what an older
//! version of this service has written.

mod add_item;
mod add_option;
mod category;
mod check_figures;
pub mod db;
mod edit_item;
mod edit_option;
mod edited_option;
mod entity_tag;
pub mod figures;
mod heart;
pub(crate) mod http;
mod item;
mod items_by_id;
mod lowest_price;
mod on_hand;
mod option;
mod own_item;
mod price;
mod remove_item;
mod remove_option;
mod update_price;

pub use add_item::{AddItemError, add_item};
pub use add_option::{AddOptionError, add_option};
pub use category::Category;
pub use check_figures::{CheckFiguresError, check_figures, figures_worker};
pub use edit_item::{EditItemError, edit_item};
pub use edit_option::{EditOptionError, edit_option};
pub use edited_option::EditedOption;
pub use heart::{give_heart, take_heart};
pub use item::{Item, ItemEdit, ItemWithOptions, NewItem};
pub use items_by_id::ItemsById;
pub use lowest_price::lowest_price;
pub use on_hand::{MAX_ON_HAND, OnHand, OnHandFault, StockChange, StockOutOfRange};
pub use option::{ItemOption, MAX_OPTIONS, NewOption, OptionEdit, first_repeated};
pub use price::{Price, PriceFault};
pub use remove_item::remove_item;
pub use remove_option::{RemoveOptionError, remove_option};
pub(crate) use update_price::update_price;
