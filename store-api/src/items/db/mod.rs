//! SQL over the tables `items`, `options` and `hearts`. Absence is `Ok(None)`.

pub mod figures;
pub mod hearts;
pub mod items;
pub mod items_with_options;
pub mod option_lookup;
pub mod options;
