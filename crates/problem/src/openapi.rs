//! The refusals in an operation's OpenAPI documentation, made from the table of codes.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::{ContentBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type};

use crate::{Body, Code, MEDIA_TYPE};

/// The codes that every operation can answer. The first two are those of [`crate::only_documented`].
const ALWAYS: [Code; 4] =
    [Code::InvalidParameter, Code::BadRequest, Code::Internal, Code::ServiceUnavailable];

/// One response for each status of these codes and of those of every operation, with the meaning and an example of each code.
///
/// The document must have the schemas of [`Body`] and [`crate::Fault`] among its components.
pub fn responses(codes: &[Code]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    let always = ALWAYS.into_iter().filter(|code| !codes.contains(code));
    for code in codes.iter().copied().chain(always) {
        by_status.entry(code.status().as_u16()).or_default().push(code);
    }
    by_status.into_iter().map(|(status, codes)| (status.to_string(), response(&codes).into())).collect()
}

fn response(codes: &[Code]) -> Response {
    let lines: Vec<String> =
        codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.explanation())).collect();
    let examples = codes.iter().map(|code| {
        let body = json!({
            "type": format!("/problems/{}", code.as_str()),
            "title": code.title(),
            "status": code.status().as_u16(),
            "code": code.as_str(),
        });
        (code.as_str(), ExampleBuilder::new().summary(code.title()).value(Some(body)).build())
    });
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(Body::name())))
        .examples_from_iter(examples)
        .build();
    let mut response = ResponseBuilder::new().description(lines.join("\n\n")).content(MEDIA_TYPE, content);
    if codes.iter().any(|code| matches!(code, Code::RateLimited | Code::ServiceUnavailable)) {
        let header = HeaderBuilder::new()
            .schema(Some(ObjectBuilder::new().schema_type(Type::Integer)))
            .description(Some("After how many seconds it is worth trying again."))
            .build();
        response = response.header("Retry-After", header);
    }
    if codes.contains(&Code::RateLimited) {
        for (name, description) in [
            (
                "RateLimit-Policy",
                "How many requests, or failed attempts, are allowed in which time, by limit.",
            ),
            ("RateLimit", "What is left of it, by limit."),
        ] {
            let text = ObjectBuilder::new().schema_type(Type::String);
            let header = HeaderBuilder::new().schema(Some(text)).description(Some(description));
            response = response.header(name, header.build());
        }
    }
    response.build()
}

/// Declares the refusals of an operation for `responses(…)` of its `utoipa::path`.
///
/// ```
/// problem::refusals!(Refusals: ValidationFailed, EmailTaken);
///
/// #[utoipa::path(post, path = "/members", responses((status = 201, description = "Signed up"), Refusals))]
/// async fn member_create() {}
/// ```
#[macro_export]
macro_rules! refusals {
    ($name:ident: $($code:ident),* $(,)?) => {
        struct $name;

        impl ::utoipa::IntoResponses for $name {
            fn responses() -> ::std::collections::BTreeMap<
                ::std::string::String,
                ::utoipa::openapi::RefOr<::utoipa::openapi::Response>,
            > {
                $crate::openapi::responses(&[$($crate::Code::$code),*])
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_names_all_of_its_codes() {
        let responses = responses(&[Code::EmailTaken, Code::BalanceLimit, Code::RateLimited]);
        assert_eq!(responses.keys().collect::<Vec<_>>(), ["400", "409", "429", "500", "503"]);
        let RefOr::T(conflict) = &responses["409"] else { panic!("it stands in line") };
        assert!(
            conflict.description.contains("`EMAIL_TAKEN`")
                && conflict.description.contains("`BALANCE_LIMIT`")
        );
        let written = serde_json::to_value(conflict).unwrap();
        let content = &written["content"][MEDIA_TYPE];
        assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem");
        assert_eq!(content["examples"]["EMAIL_TAKEN"]["value"]["status"], 409);
        let RefOr::T(limited) = &responses["429"] else { panic!("it stands in line") };
        assert!(limited.headers.contains_key("Retry-After"));
    }
}
