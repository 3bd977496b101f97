//! The media type of an answer.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use problem::{Code, MEDIA_TYPE, Problem};

/// The media type of an environment with the place of each value. Spring's client asks for it.
pub(crate) const V2_JSON: &str = "application/vnd.spring-cloud.config-server.v2+json";
pub(crate) const JSON: &str = "application/json";
pub(crate) const OCTETS: &str = "application/octet-stream";

/// No media type that the client accepts can be served.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotAcceptable;

/// Chooses the offer that the client prefers. Without a preference, it is the first one.
pub(crate) fn choose<'offer>(
    headers: &HeaderMap,
    offers: &[&'offer str],
) -> Result<&'offer str, NotAcceptable> {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges: Vec<Range<'_>> =
        values.flat_map(|value| value.split(',')).filter_map(Range::parse).collect();
    if ranges.is_empty() {
        return offers.first().copied().ok_or(NotAcceptable);
    }
    // The sort is stable: of equal ranges, the first one wins.
    ranges.sort_by(|left, right| {
        right.quality.total_cmp(&left.quality).then_with(|| right.precision().cmp(&left.precision()))
    });
    let mut accepted = ranges.iter().filter(|range| range.quality > 0.0);
    accepted.find_map(|range| offers.iter().find(|offer| range.includes(offer))).copied().ok_or(NotAcceptable)
}

/// A media range of an `Accept` header.
struct Range<'header> {
    main: &'header str,
    sub: &'header str,
    quality: f32,
}

impl<'header> Range<'header> {
    fn parse(text: &'header str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (main, sub) = parts.next()?.split_once('/')?;
        let quality = parts.find_map(|parameter| parameter.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
        Some(Self { main, sub, quality })
    }

    fn precision(&self) -> u8 {
        match (self.main, self.sub) {
            ("*", _) => 0,
            (_, "*") => 1,
            (_, sub) if sub.starts_with("*+") => 2,
            _ => 3,
        }
    }

    fn includes(&self, offer: &str) -> bool {
        let Some((main, sub)) = offer.split_once('/') else { return false };
        let is_sub = match self.sub.strip_prefix("*+") {
            Some(suffix) => {
                sub.rsplit_once('+').is_some_and(|(_, offered)| offered.eq_ignore_ascii_case(suffix))
            }
            None => self.sub == "*" || self.sub.eq_ignore_ascii_case(sub),
        };
        self.main == "*" || (self.main.eq_ignore_ascii_case(main) && is_sub)
    }
}

impl IntoResponse for NotAcceptable {
    fn into_response(self) -> Response {
        let detail = format!("this is served as {JSON} and as {V2_JSON}");
        let mut body = Problem::new(Code::InvalidParameter).detail(detail).body().clone();
        // No code of ours has this status.
        body.status = StatusCode::NOT_ACCEPTABLE.as_u16();
        (StatusCode::NOT_ACCEPTABLE, [(header::CONTENT_TYPE, MEDIA_TYPE)], axum::Json(body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &str) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        if !accept.is_empty() {
            headers.insert(header::ACCEPT, accept.parse().unwrap());
        }
        choose(&headers, &[JSON, V2_JSON]).ok()
    }

    #[test]
    fn the_client_chooses() {
        for accept in
            ["", "*/*", "application/*", JSON, "text/html, application/json;q=0.5", "application/json, */*"]
        {
            assert_eq!(chosen(accept), Some(JSON), "{accept}");
        }
        for accept in
            [V2_JSON, "application/*+json", &format!("{JSON};q=0.8, {V2_JSON}"), &format!("*/*, {V2_JSON}")]
        {
            assert_eq!(chosen(accept), Some(V2_JSON), "{accept}");
        }
        for accept in [
            "text/plain",
            "application/x-yaml",
            "application/vnd.spring-boot.actuator.v3+json",
            "application/json;q=0",
        ] {
            assert_eq!(chosen(accept), None, "{accept}");
        }
    }
}
