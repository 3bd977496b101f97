//! A cursor that handlers read themselves. New lists use [`crate::List`] instead.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use problem::{Code, Problem};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limit, Page};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Key {
        id: u32,
    }

    fn cursor(text: &str) -> Cursor {
        Cursor(text.to_owned())
    }

    fn limit_of_2() -> Limit {
        serde_json::from_value("2".into()).expect("it is a limit")
    }

    #[test]
    fn a_full_page_points_behind_its_last_item_and_the_last_page_to_nothing() {
        let limit = limit_of_2();
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
}
