use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use problem::{Code, Problem};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Position;

/// Longer than any cursor that is given out.
const MAX_CURSOR_CHARS: usize = 1_024;
/// A cursor that is sent to another question by mistake, or that was changed, fits by chance once in 2^64.
const CHECKSUM_BYTES: usize = 8;

/// What a client asks of a list: which list, whose, with which filter and sort, as a digest. Two requests that ask the same
/// have the same one, whatever their limit and cursor.
///
/// A cursor is a checksum of its question and its position, and the position, in Base64. It is refused if the question is
/// another one, or if anything of it was changed. The checksum has no key: whoever reads this code can make a cursor. So
/// positions are checked too ([`Position::is_possible`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Question([u8; 32]);

impl Question {
    /// The question to the list at this path.
    pub(crate) fn new<F: Serialize>(path: &str, owner: Option<Uuid>, filter: &F) -> Self {
        let filter =
            serde_json::to_value(filter).expect("a filter is plain data, which can be written as JSON");
        let question = serde_json::json!([path, owner, without_nulls(filter)]);
        Self(Sha256::digest(question.to_string()).into())
    }

    /// The cursor of the page that begins behind this position.
    pub fn cursor<P: Position>(self, position: &P) -> String {
        let position =
            serde_json::to_vec(position).expect("a position is plain data, which can be written as JSON");
        let mut cursor = self.checksum(&position).to_vec();
        cursor.extend_from_slice(&position);
        URL_SAFE_NO_PAD.encode(cursor)
    }

    /// The position in a cursor. A cursor that is malformed or belongs to another question is refused.
    pub fn position<P: Position>(self, cursor: &str) -> Result<P, Problem> {
        let refused = || Problem::new(Code::BadCursor);
        if cursor.len() > MAX_CURSOR_CHARS {
            return Err(refused());
        }
        let cursor = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refused())?;
        let (checksum, position) = cursor.split_first_chunk::<CHECKSUM_BYTES>().ok_or_else(refused)?;
        if *checksum != self.checksum(position) {
            let detail =
                "the cursor was changed, or is of another list, filter or sort, or of another member";
            return Err(refused().detail(detail));
        }
        serde_json::from_slice(position).ok().filter(P::is_possible).ok_or_else(refused)
    }

    fn checksum(self, position: &[u8]) -> [u8; CHECKSUM_BYTES] {
        let digest: [u8; 32] = Sha256::new().chain_update(self.0).chain_update(position).finalize().into();
        std::array::from_fn(|index| digest[index])
    }
}

/// A filter that is not there asks the same as one that this build does not know yet.
fn without_nulls(mut filter: Value) -> Value {
    if let Value::Object(members) = &mut filter {
        members.retain(|_, value| !value.is_null());
    }
    filter
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::TimePosition;

    #[derive(Serialize)]
    struct Filter {
        status: Option<&'static str>,
    }

    const ID: Uuid = Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);
    const ALL: Filter = Filter { status: None };

    #[test]
    fn a_question_is_told_apart_by_list_owner_and_filter() {
        let owner = Some(Uuid::from_u128(7));
        let question = Question::new("/orders", owner, &ALL);
        assert_eq!(question, Question::new("/orders", owner, &Value::Object(serde_json::Map::default())));
        for other in [
            Question::new("/sales", owner, &ALL),
            Question::new("/orders", None, &ALL),
            Question::new("/orders", Some(Uuid::from_u128(8)), &ALL),
            Question::new("/orders", owner, &Filter { status: Some("PAID") }),
        ] {
            assert_ne!(question, other);
            let refused = other.position::<i64>(&question.cursor(&5)).expect_err("it is of another question");
            assert_eq!(refused.code(), Some(Code::BadCursor));
        }
        assert_eq!(question.position::<i64>(&question.cursor(&5)).expect("it is its own"), 5);
    }

    #[test]
    fn a_made_up_cursor_is_refused() {
        let question = Question::new("/orders", None, &ALL);
        let of_another_shape = question.cursor(&ID);
        let mut longer = URL_SAFE_NO_PAD.decode(question.cursor(&5)).expect("it is Base64");
        longer.extend_from_slice(b" 6");
        let longer = URL_SAFE_NO_PAD.encode(longer);
        let made_up = ["%", "AAAA", "null", "bWFkZSB1cA", &of_another_shape, &longer, &"A".repeat(5_000)];
        for made_up in made_up {
            let refused = question.position::<i64>(made_up).expect_err("it is made up");
            assert_eq!(refused.code(), Some(Code::BadCursor), "{made_up}");
        }
    }

    #[test]
    fn a_changed_cursor_is_refused() {
        let question = Question::new("/orders", None, &ALL);
        let cursor = URL_SAFE_NO_PAD.decode(question.cursor(&55)).expect("it is Base64");
        for index in 0..cursor.len() {
            let mut changed = cursor.clone();
            changed[index] ^= 1;
            let refused = question.position::<i64>(&URL_SAFE_NO_PAD.encode(changed));
            assert_eq!(refused.expect_err("it is changed").code(), Some(Code::BadCursor), "{index}");
        }
    }

    #[test]
    fn a_position_that_no_row_has_is_refused_with_a_right_checksum() {
        let question = Question::new("/orders", None, &ALL);
        assert!(question.position::<i64>(&question.cursor(&-1)).is_err());
        assert_eq!(question.position::<Uuid>(&question.cursor(&ID)).expect("it is of version 7"), ID);
        for id in [Uuid::nil(), Uuid::max(), Uuid::from_u128(7)] {
            assert!(question.position::<Uuid>(&question.cursor(&id)).is_err(), "{id}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_sent_as_a_cursor_is_refused(cursor in "(\\PC|[A-Za-z0-9_-]|%|=){0,60}") {
            let question = Question::new("/orders", None, &ALL);
            prop_assert!(question.position::<i64>(&cursor).is_err());
            prop_assert!(question.position::<TimePosition>(&cursor).is_err());
        }

        /// The checksum is right, so that the position itself is read.
        #[test]
        fn whatever_a_cursor_holds_is_read_or_refused(
            held in r#"(\{|\}|"at"|"id"|:|,|\[|\]|-?[0-9]{1,20}|"01890a5d-ac96-774b-bcce-b302099a8057"|1e9|null|NaN){0,12}"#,
        ) {
            let question = Question::new("/orders", None, &ALL);
            let mut cursor = question.checksum(held.as_bytes()).to_vec();
            cursor.extend_from_slice(held.as_bytes());
            let cursor = URL_SAFE_NO_PAD.encode(cursor);
            if let Ok(position) = question.position::<TimePosition>(&cursor) {
                prop_assert_eq!(question.position::<TimePosition>(&question.cursor(&position)).ok(), Some(position));
            }
            let _ = (question.position::<i64>(&cursor), question.position::<Uuid>(&cursor));
        }

        #[test]
        fn any_time_in_a_cursor_is_read_or_refused(micros in any::<i64>()) {
            let question = Question::new("/orders", None, &ALL);
            let held = serde_json::json!({"at": micros, "id": ID}).to_string();
            let mut cursor = question.checksum(held.as_bytes()).to_vec();
            cursor.extend_from_slice(held.as_bytes());
            if let Ok(position) = question.position::<TimePosition>(&URL_SAFE_NO_PAD.encode(cursor)) {
                prop_assert!((1970..=9000).contains(&position.at.year()));
            }
        }
    }
}
