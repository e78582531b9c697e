//! Who made a browser send a request: the program's own page, or the page of somebody else (Fetch Metadata, RFC 6454).

use http::Request;
use http::header::{HOST, HeaderMap, HeaderName, ORIGIN};
use http::uri::Authority;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Whether a page of another origin made the browser send this request. Programs that are no browsers send neither header, and
/// decide for themselves.
pub(super) fn is_foreign<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    // Browsers send it over TLS and to the loopback only. It is right behind every proxy.
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return site != "same-origin" && site != "none";
    }
    headers.get(ORIGIN).is_some_and(|origin| !is_own(origin.as_bytes(), request))
}

/// Whether a page of another origin may read the answer, or embed it: everything foreign but a link that a person follows.
pub(super) fn is_foreign_script<B>(request: &Request<B>) -> bool {
    is_foreign(request) && request.headers().get(SEC_FETCH_MODE).is_none_or(|mode| mode != "navigate")
}

/// Whether the page of this request has an address that begins with `https:`. It has where a proxy speaks TLS for the program.
pub(super) fn is_on_https(headers: &HeaderMap) -> bool {
    headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

/// Compares hosts and ports only: a proxy may speak TLS for the program.
fn is_own<B>(origin: &[u8], request: &Request<B>) -> bool {
    let origin = std::str::from_utf8(origin).ok();
    let Some((scheme, origin)) = origin.and_then(|origin| origin.split_once("://")) else { return false };
    let host = match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => request.headers().get(HOST).and_then(|host| host.to_str().ok()),
    };
    let parse = |text: &str| text.parse::<Authority>().ok();
    let (Some(origin), Some(host)) = (parse(origin), host.and_then(parse)) else { return false };
    let default = match scheme {
        "https" => 443,
        _ => 80,
    };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(default);
    origin.host().eq_ignore_ascii_case(host.host()) && port(&origin) == port(&host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request<()> {
        let request = headers.iter().fold(Request::get("/"), |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap()
    }

    #[test]
    fn what_browsers_tell_about_the_site_decides() {
        for (site, foreign) in [("same-origin", false), ("none", false), ("same-site", true), ("cross-site", true)] {
            let headers = [("host", "node:5375"), ("origin", "null"), ("sec-fetch-site", site)];
            assert_eq!(is_foreign(&request(&headers)), foreign, "{site}");
        }
    }

    #[test]
    fn without_it_the_origin_is_compared_with_the_host() {
        for (origin, host, foreign) in [
            ("http://node:5375", "node:5375", false),
            ("https://node:5375", "node:5375", false),
            ("http://Node", "node:80", false),
            ("https://node", "node", false),
            ("https://node", "node:443", false),
            ("http://[::1]:5375", "[::1]:5375", false),
            ("http://node:5376", "node:5375", true),
            ("http://node.evil:5375", "node:5375", true),
            ("http://evil", "node:5375", true),
            ("null", "node:5375", true),
            ("", "node:5375", true),
            ("http://node:5375", "", true),
        ] {
            assert_eq!(is_foreign(&request(&[("host", host), ("origin", origin)])), foreign, "{origin} {host}");
        }
        let absolute = Request::get("https://node/login").header("origin", "https://node").body(()).unwrap();
        assert!(!is_foreign(&absolute), "HTTP/2 has the host in the address");
    }

    #[test]
    fn programs_that_are_no_browsers_are_not_foreign() {
        assert!(!is_foreign(&request(&[("host", "node")])));
    }

    #[test]
    fn a_link_on_another_site_may_be_followed_and_its_scripts_may_not_ask() {
        for (mode, foreign) in [("navigate", false), ("cors", true), ("no-cors", true)] {
            let headers = [("sec-fetch-site", "same-site"), ("sec-fetch-mode", mode)];
            assert_eq!(is_foreign_script(&request(&headers)), foreign, "{mode}");
        }
        assert!(is_foreign_script(&request(&[("host", "node"), ("origin", "http://node:1")])));
    }
}
