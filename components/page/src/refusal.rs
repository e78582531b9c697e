//! The refusal of a method that does not read (RFC 9110, section 15.5.6), as problem details (RFC 9457).

#![forbid(unsafe_code)]

use serde::Serialize;
use wasip3::http::types::Method;

pub(crate) const STATUS: u16 = 405;
/// The methods that every path of the page has, as the value of `Allow`.
pub(crate) const ALLOW: &str = "GET, HEAD";
pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
}

/// Whether the method only reads.
pub(crate) fn reads(method: &Method) -> bool {
    matches!(method, Method::Get | Method::Head)
}

/// The body of the refusal.
pub(crate) fn body(method: &Method, path: &str) -> String {
    let detail = format!("{} can't be used on {path}, which can only be read. Use GET.", name(method));
    let problem = Problem { r#type: "about:blank", title: "Method Not Allowed", status: STATUS, detail: &detail };
    image_model::json::text(&problem) + "\n"
}

fn name(method: &Method) -> &str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_names_the_method_and_the_path() {
        let body: serde_json::Value = serde_json::from_str(&body(&Method::Other("QUERY".to_owned()), "/\"")).unwrap();
        assert_eq!(body["detail"], "QUERY can't be used on /\", which can only be read. Use GET.");
        assert_eq!(body["status"], 405);
    }
}
