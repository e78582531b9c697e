//! The route of a request, and the body of a refusal (RFC 9457).

#![forbid(unsafe_code)]

use serde::Serialize;
use spin_sdk::http::{Method, StatusCode};

pub(crate) const JSON: &str = "application/json";
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// The route of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// The listing.
    Images,
    /// The headers of the listing. The handler asks no source.
    ImagesHead,
    /// The rows with their verdicts.
    Inventory,
    /// The sums of the comparison.
    Compare,
    /// A refusal.
    Problem(Problem),
}

/// Why a request gets no listing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    /// The value of `Allow`, which a 405 must carry (RFC 9110, section 15.5.6).
    pub(crate) allow: Option<&'static str>,
    detail: String,
}

#[derive(Serialize)]
struct ProblemBody<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

impl Route {
    /// The route. `//images` is the same as `/images`: clients whose server URL ends in a slash ask for it.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let is_images = path.starts_with('/') && path.trim_start_matches('/') == "images";
        if !is_images && !matches!(path, "/inventory" | "/compare") {
            return Self::Problem(Problem {
                status: StatusCode::NOT_FOUND,
                allow: None,
                detail: format!("There is nothing at {path}. The images are at /images."),
            });
        }
        match (method, path) {
            (&Method::GET | &Method::HEAD, "/inventory") => Self::Inventory,
            (&Method::GET | &Method::HEAD, "/compare") => Self::Compare,
            (&Method::GET, _) => Self::Images,
            (&Method::HEAD, _) => Self::ImagesHead,
            _ => Self::Problem(Problem {
                status: StatusCode::METHOD_NOT_ALLOWED,
                allow: Some("GET, HEAD"),
                detail: format!("{method} can't be used on {path}, which can only be read. Use GET."),
            }),
        }
    }
}

impl Problem {
    /// A query that can't be answered, as it is.
    pub(crate) fn bad_query(detail: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, allow: None, detail }
    }

    /// The body of the refusal, as JSON.
    pub(crate) fn body(&self) -> String {
        let body = ProblemBody {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        image_model::json::text(&body) + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(method: &Method, path: &str) -> Problem {
        match Route::of(method, path) {
            Route::Problem(problem) => problem,
            route => panic!("{method} {path} is {route:?}"),
        }
    }

    #[test]
    fn images_can_be_read_with_one_slash_or_two() {
        assert_eq!(Route::of(&Method::GET, "/images"), Route::Images);
        assert_eq!(Route::of(&Method::GET, "//images"), Route::Images);
        assert_eq!(Route::of(&Method::HEAD, "/images"), Route::ImagesHead);
    }

    #[test]
    fn the_comparison_can_be_read() {
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(Route::of(&method, "/inventory"), Route::Inventory);
            assert_eq!(Route::of(&method, "/compare"), Route::Compare);
        }
        assert_eq!(problem(&Method::PUT, "/inventory").allow, Some("GET, HEAD"));
    }

    #[test]
    fn other_paths_are_not_found() {
        for path in ["/", "", "/image", "/images/", "/images/x", "images"] {
            assert_eq!(problem(&Method::GET, path).status, StatusCode::NOT_FOUND, "{path:?}");
        }
    }

    #[test]
    fn other_methods_are_refused_with_the_allowed_ones() {
        let problem = problem(&Method::POST, "/images");
        assert_eq!(problem.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(problem.allow, Some("GET, HEAD"));
    }

    #[test]
    fn a_refusal_has_a_body_of_problem_json() {
        assert_eq!(
            problem(&Method::GET, "/x\"y").body(),
            "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,\
             \"detail\":\"There is nothing at /x\\\"y. The images are at /images.\"}\n"
        );
    }
}
