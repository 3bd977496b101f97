use http::HeaderMap;
use problem::{Code, Problem};

/// The header's name.
pub(crate) const HEADER: &str = "idempotency-key";
const MAX_CHARS: usize = 255;

/// The key of a request: 1 to 255 visible ASCII characters, bare or as a quoted string
/// (draft-ietf-httpapi-idempotency-key-header).
pub(crate) fn of(headers: &HeaderMap) -> Result<String, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let value = values.next().ok_or_else(|| Problem::new(Code::IdempotencyKeyMissing))?;
    if values.next().is_some() {
        return Err(Problem::new(Code::IdempotencyKeyInvalid).detail("the header is there more than once"));
    }
    let text = value.as_bytes().trim_ascii();
    let key = if let [b'"', quoted @ .., b'"'] = text { quoted } else { text };
    let is_visible = key.iter().all(u8::is_ascii_graphic);
    match std::str::from_utf8(key) {
        Ok(key) if is_visible && !key.contains('"') && (1..=MAX_CHARS).contains(&key.len()) => {
            Ok(key.to_owned())
        }
        _ => {
            Err(Problem::new(Code::IdempotencyKeyInvalid)
                .detail("a key has 1 to 255 visible ASCII characters"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn key(value: &[u8]) -> Result<String, Option<Code>> {
        let headers =
            HeaderMap::from_iter([(HEADER.parse().unwrap(), HeaderValue::from_bytes(value).unwrap())]);
        of(&headers).map_err(|problem| problem.code())
    }

    #[test]
    fn bare_and_quoted_are_the_same_key() {
        assert_eq!(key(b"abc-1"), Ok("abc-1".to_owned()));
        assert_eq!(key(b"\"abc-1\""), Ok("abc-1".to_owned()));
        assert_eq!(key(&[b'x'; 255]).map(|key| key.len()), Ok(255));
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        for wrong in [&b""[..], b"\"\"", b"\"", b"a b", b"a\"b", "열쇠".as_bytes(), &[b'x'; 256]] {
            assert_eq!(key(wrong), Err(Some(Code::IdempotencyKeyInvalid)), "{wrong:?}");
        }
        assert_eq!(of(&HeaderMap::new()).unwrap_err().code(), Some(Code::IdempotencyKeyMissing));
        let mut twice = HeaderMap::new();
        twice.append(HEADER, HeaderValue::from_static("a"));
        twice.append(HEADER, HeaderValue::from_static("a"));
        assert_eq!(of(&twice).unwrap_err().code(), Some(Code::IdempotencyKeyInvalid));
    }
}
