//! The path with which a service gets a request, where it is another one than the client's.

use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// A new path, made of fixed segments and of what the parameters of the route matched.
#[derive(Clone, Debug)]
pub struct Rewrite {
    /// The route's own pattern.
    pattern: matchit::Router<()>,
    template: String,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Fixed(String),
    Parameter(String),
}

/// Why a new path is not valid.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewriteFault {
    /// It could lead anywhere, or nowhere.
    #[error("{0}")]
    Path(&'static str),
    /// The pattern of the route has no such parameter.
    #[error("uses `{{{0}}}`, which the path of the route does not have")]
    UnknownParameter(String),
}

impl Rewrite {
    /// Checks the new path of a route with this pattern, which is valid.
    pub(crate) fn new(pattern: &str, template: &str) -> Result<Self, RewriteFault> {
        let parameters: Vec<&str> = pattern.split('/').filter_map(parameter).collect();
        let segment = |text: &str| match parameter(text) {
            Some(name) if parameters.contains(&name) => Ok(Segment::Parameter(name.to_owned())),
            Some(name) => Err(RewriteFault::UnknownParameter(name.to_owned())),
            None if text.contains(['{', '}']) => {
                Err(RewriteFault::Path("has a segment that is a parameter in part"))
            }
            None => Ok(Segment::Fixed(text.to_owned())),
        };
        let rest = template.strip_prefix('/').ok_or(RewriteFault::Path("does not begin with `/`"))?;
        let segments = rest.split('/').map(segment).collect::<Result<Vec<_>, _>>()?;
        match &segments[..] {
            [Segment::Parameter(_), ..] => {
                return Err(RewriteFault::Path("begins with a parameter, so it could lead anywhere"));
            }
            [Segment::Fixed(first), ..] if first.eq_ignore_ascii_case("internal") || first.contains('%') => {
                return Err(RewriteFault::Path("leads to the routes between services"));
            }
            _ => {}
        }
        let is_plain = |segment: &Segment| match segment {
            Segment::Fixed(text) => !text.contains(['?', '#']),
            Segment::Parameter(_) => true,
        };
        let with_names = template.replace(['{', '}'], "");
        if !crate::path::is_unambiguous(&with_names) || !segments.iter().all(is_plain) {
            return Err(RewriteFault::Path("has a segment that services would read in more than one way"));
        }
        let mut own = matchit::Router::new();
        own.insert(pattern, ()).map_err(|_| RewriteFault::Path("belongs to a path that is no pattern"))?;
        Ok(Self { pattern: own, template: template.to_owned(), segments })
    }

    /// The new path of a request, with its query. `None` if its path is not the route's.
    pub(crate) fn apply(&self, uri: &Uri) -> Option<Uri> {
        let matched = self.pattern.at(uri.path()).ok()?;
        let mut path = String::with_capacity(uri.path().len() + self.template.len());
        for segment in &self.segments {
            path.push('/');
            path.push_str(match segment {
                Segment::Fixed(text) => text,
                Segment::Parameter(name) => matched.params.get(name)?,
            });
        }
        if let Some(query) = uri.query() {
            path.push('?');
            path.push_str(query);
        }
        Some(PathAndQuery::try_from(path).ok()?.into())
    }

    /// The path as the settings have it.
    pub(crate) fn template(&self) -> &str {
        &self.template
    }
}

impl PartialEq for Rewrite {
    fn eq(&self, other: &Self) -> bool {
        self.template == other.template
    }
}

impl Eq for Rewrite {}

/// The name of a parameter, if the segment is one.
fn parameter(segment: &str) -> Option<&str> {
    let name = segment.strip_prefix('{')?.strip_suffix('}')?;
    Some(name.strip_prefix('*').unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(pattern: &str, template: &str, uri: &str) -> String {
        let uri = uri.parse().unwrap();
        Rewrite::new(pattern, template).unwrap().apply(&uri).unwrap().to_string()
    }

    #[test]
    fn parameters_are_put_into_the_new_path_as_they_are() {
        assert_eq!(
            rewritten("/v2/items/{id}", "/api/items/{id}", "/v2/items/%EB%A7%9B?q=1"),
            "/api/items/%EB%A7%9B?q=1"
        );
        assert_eq!(rewritten("/a/{x}/{y}", "/b/{y}/c/{x}", "http://h/a/1/2"), "/b/2/c/1");
        assert_eq!(rewritten("/files/{*rest}", "/api/{rest}", "/files/a/b"), "/api/a/b");
        assert_eq!(rewritten("/old", "/new", "/old?"), "/new?");
    }

    #[test]
    fn a_new_path_that_could_lead_anywhere_is_refused() {
        let fault = |template: &str| Rewrite::new("/a/{id}", template).unwrap_err().to_string();
        assert_eq!(fault("b"), "does not begin with `/`");
        assert_eq!(fault("/{id}/x"), "begins with a parameter, so it could lead anywhere");
        assert_eq!(fault("/internal/{id}"), "leads to the routes between services");
        assert_eq!(fault("/b/{other}"), "uses `{other}`, which the path of the route does not have");
        assert_eq!(fault("/b/x{id}"), "has a segment that is a parameter in part");
        for template in ["/b/../c", "/b//c", "/b/%2e", "/b?c", "/b#c", "/"] {
            assert!(fault(template).contains("more than one way"), "{template}");
        }
    }
}
