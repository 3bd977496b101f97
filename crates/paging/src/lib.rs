//! Lists by page: `?limit=` and `?cursor=` in, `{"items": […], "nextCursor": …}` out.
//!
//! Paging is by keyset: a cursor holds the sort key of the last row that was shown, so that rows which come or go
//! meanwhile make neither a gap nor a repeat, and the last page costs what the first does. Clients treat it as opaque.
//!
//! A list's query struct has the two fields itself, because serde can't refuse unknown parameters through a flattened
//! struct:
//!
//! ```
//! #[derive(serde::Deserialize, garde::Validate)]
//! #[serde(rename_all = "camelCase", deny_unknown_fields)]
//! struct ListQuery {
//!     #[garde(skip)]
//!     limit: Option<paging::Limit>,
//!     #[garde(skip)]
//!     cursor: Option<paging::Cursor>,
//! }
//! ```

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use problem::{Code, Problem};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// How many items a page has: 1 to 100, 20 where nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = u32, minimum = 1, maximum = 100, default = 20)]
pub struct Limit(u32);

impl Limit {
    /// The most that a page has.
    pub const MAX: u32 = 100;

    /// The bare number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// How many rows to fetch: one more than is shown, which tells whether there is a next page.
    pub const fn rows_to_fetch(self) -> u32 {
        self.0 + 1
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        match text.parse() {
            Ok(limit @ 1..=Self::MAX) => Ok(Self(limit)),
            _ => Err(D::Error::custom("limit is a whole number from 1 to 100")),
        }
    }
}

/// Where the next page begins, as a client sends it back.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct Cursor(String);

impl Cursor {
    /// Longer than any cursor that we give out.
    const MAX_CHARS: usize = 1_024;

    /// A cursor for the rows after the one with this key. `K` should say which list and sort it belongs to, so that
    /// the cursor of one list is refused by another.
    pub fn after<K: Serialize>(key: &K) -> Option<String> {
        serde_json::to_vec(key).ok().map(|json| URL_SAFE_NO_PAD.encode(json))
    }

    /// The key that it was made of.
    pub fn key<K: DeserializeOwned>(&self) -> Result<K, Problem> {
        let refused = || Problem::new(Code::BadCursor);
        if self.0.len() > Self::MAX_CHARS {
            return Err(refused());
        }
        let json = URL_SAFE_NO_PAD.decode(&self.0).map_err(|_| refused())?;
        serde_json::from_slice(&json).map_err(|_| refused())
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The items, in the order that was asked for.
    pub items: Vec<T>,
    /// What to send as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page of rows that were fetched by [`Limit::rows_to_fetch`]; `key` is the sort key of a row.
    pub fn from_rows<K: Serialize>(mut rows: Vec<T>, limit: Limit, key: impl FnOnce(&T) -> K) -> Self {
        let shown = limit.0 as usize;
        let has_more = rows.len() > shown;
        rows.truncate(shown);
        let next_cursor = rows.last().filter(|_| has_more).and_then(|last| Cursor::after(&key(last)));
        Self { items: rows, next_cursor }
    }

    /// The same page with every item turned into another shape.
    pub fn map<U>(self, shape: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(shape).collect(), next_cursor: self.next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Key {
        id: u32,
    }

    fn cursor(text: &str) -> Cursor {
        Cursor(text.to_owned())
    }

    #[test]
    fn a_full_page_points_behind_its_last_item_and_the_last_page_to_nothing() {
        let limit = Limit(2);
        let page = Page::from_rows(vec![7, 8, 9], limit, |id| Key { id: *id });
        assert_eq!(page.items, [7, 8]);
        let next = cursor(&page.next_cursor.expect("there is one more"));
        assert_eq!(next.key::<Key>().expect("it is ours"), Key { id: 8 });
        assert_eq!(Page::from_rows(vec![7, 8], limit, |id| Key { id: *id }).next_cursor, None);
        assert_eq!(Page::from_rows(Vec::<u32>::new(), limit, |id| Key { id: *id }).next_cursor, None);
    }

    #[test]
    fn a_made_up_cursor_is_refused() {
        let of_another_list = Cursor::after(&["x"]).expect("it is JSON");
        for made_up in ["", "%", "AAAA", "null", &of_another_list, &"A".repeat(5_000)] {
            let problem = cursor(made_up).key::<Key>().expect_err("it is made up");
            assert_eq!(problem.code(), Some(Code::BadCursor), "{made_up}");
        }
    }

    #[test]
    fn a_limit_is_from_1_to_100() {
        let read = |text: &str| serde_json::from_value::<Limit>(text.into()).map(Limit::get).ok();
        assert_eq!([read("1"), read("100"), read("020")], [Some(1), Some(100), Some(20)]);
        assert_eq!([read("0"), read("101"), read("-1"), read("x"), read("")], [None; 5]);
        assert_eq!(Limit::default().rows_to_fetch(), 21);
    }
}
