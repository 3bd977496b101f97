use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use problem::{Code, Problem};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Longer than any cursor that is given out.
const MAX_CURSOR_CHARS: usize = 1_024;
/// A cursor that is sent to another question by mistake fits by chance once in 2^64.
const DIGEST_BYTES: usize = 8;

/// What a client asks of a list: which list, whose, with which filter and sort, as a short digest. Two requests that ask the
/// same have the same one, whatever their limit and cursor.
///
/// A cursor is the digest of its question and a position, in Base64. It is refused if the question is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Question([u8; DIGEST_BYTES]);

impl Question {
    /// The question to the list at this path.
    pub(crate) fn new<F: Serialize>(path: &str, owner: Option<Uuid>, filter: &F) -> Self {
        let filter =
            serde_json::to_value(filter).expect("a filter is plain data, which can be written as JSON");
        let question = serde_json::json!([path, owner, without_nulls(filter)]);
        let digest = Sha256::digest(question.to_string());
        let mut short = [0; DIGEST_BYTES];
        short.copy_from_slice(&digest[..DIGEST_BYTES]);
        Self(short)
    }

    /// The cursor of the page that begins behind this position.
    pub fn cursor<P: Serialize>(self, position: &P) -> String {
        let mut cursor = self.0.to_vec();
        serde_json::to_writer(&mut cursor, position)
            .expect("a position is plain data, which can be written as JSON");
        URL_SAFE_NO_PAD.encode(cursor)
    }

    /// The position in a cursor. A cursor that is malformed or belongs to another question is refused.
    pub fn position<P: DeserializeOwned>(self, cursor: &str) -> Result<P, Problem> {
        let malformed = || Problem::new(Code::BadCursor);
        if cursor.len() > MAX_CURSOR_CHARS {
            return Err(malformed());
        }
        let cursor = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| malformed())?;
        let (digest, position) = cursor.split_first_chunk::<DIGEST_BYTES>().ok_or_else(malformed)?;
        let position = serde_json::from_slice(position);
        if *digest != self.0 {
            return Err(
                malformed().detail("the cursor is of another list, filter or sort, or of another member")
            );
        }
        position.map_err(|_| malformed())
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
    use super::*;

    #[derive(Serialize)]
    struct Filter {
        status: Option<&'static str>,
    }

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
        let of_another_shape = question.cursor(&"x");
        let mut longer = URL_SAFE_NO_PAD.decode(question.cursor(&5)).expect("it is Base64");
        longer.extend_from_slice(b" 6");
        let longer = URL_SAFE_NO_PAD.encode(longer);
        let made_up = ["%", "AAAA", "null", "bWFkZSB1cA", &of_another_shape, &longer, &"A".repeat(5_000)];
        for made_up in made_up {
            let refused = question.position::<i64>(made_up).expect_err("it is made up");
            assert_eq!(refused.code(), Some(Code::BadCursor), "{made_up}");
        }
    }
}
