//! The header `Host` (RFC 9112, section 3.2): HTTP/1.1 has it exactly once, and no request has two, or one of another form. Two
//! programs that a request passes could otherwise take it for requests to two hosts.

use crate::response::{Body, problem};
use http::header::{HOST, HeaderValue};
use http::{Request, Response, StatusCode, Version};
use std::net::Ipv6Addr;

/// Most digits of a port.
const MAX_PORT_DIGITS: usize = 5;

/// Refuses a request without the one valid `Host`; `None` when the request may go on.
pub(super) fn refusal<B>(request: &Request<B>) -> Option<Response<Body>> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let why = match (hosts.next(), hosts.next()) {
        (_, Some(_)) => "has more than one header Host",
        (None, None) if request.version() == Version::HTTP_11 => "has no header Host",
        (Some(host), None) if !host.to_str().is_ok_and(is_valid) => {
            "has a header Host that is neither HOST nor HOST:PORT"
        }
        (Some(host), None) if request.version() == Version::HTTP_2 && !is_authority(request, host) => {
            "has a header Host that is not its :authority"
        }
        _ if request.uri().authority().is_some_and(|authority| !is_valid(authority.as_str())) => {
            "is for a host that is neither HOST nor HOST:PORT"
        }
        _ => return None,
    };
    Some(problem(StatusCode::BAD_REQUEST, &format!("The request {why} (RFC 9112, section 3.2).")))
}

/// Whether a request over HTTP/2 is for this host, where it says so besides (RFC 9113, section 8.3.1).
fn is_authority<B>(request: &Request<B>, host: &HeaderValue) -> bool {
    let authority = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    authority.is_none_or(|authority| authority.eq_ignore_ascii_case(host.as_bytes()))
}

/// Whether a text is `uri-host [ ":" port ]` (RFC 3986, section 3.2.2). The empty one is: it names no host, and the program answers
/// for every name.
fn is_valid(text: &str) -> bool {
    let (is_host, rest) = match text.strip_prefix('[') {
        Some(text) => {
            let Some((address, rest)) = text.split_once(']') else { return false };
            (address.parse::<Ipv6Addr>().is_ok(), rest)
        }
        None => {
            let (host, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
            (text.is_empty() || is_name(host), rest)
        }
    };
    let is_port = |port: &str| port.len() <= MAX_PORT_DIGITS && port.bytes().all(|byte| byte.is_ascii_digit());
    is_host && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
}

/// Whether a text is a name or an IPv4 address: unreserved characters, sub-delims and `%`.
fn is_name(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(version: Version, target: &str, hosts: &[&[u8]]) -> u16 {
        let mut request = Request::get(target).version(version).body(()).unwrap();
        for host in hosts {
            request.headers_mut().append(HOST, HeaderValue::from_bytes(host).unwrap());
        }
        refusal(&request).map_or(200, |response| response.status().as_u16())
    }

    #[test]
    fn a_request_over_http_1_1_has_one_host() {
        let old = Version::HTTP_10;
        for (version, hosts, expected) in [
            (Version::HTTP_11, &[][..], 400),
            (Version::HTTP_11, &[&b"a"[..], b"a"], 400),
            (Version::HTTP_11, &[b"a", b"b"], 400),
            (Version::HTTP_11, &[b"a"], 200),
            (old, &[], 200),
            (old, &[b"a", b"b"], 400),
            (Version::HTTP_2, &[], 200),
            (Version::HTTP_2, &[b"A"], 200),
            (Version::HTTP_2, &[b"a", b"b"], 400),
        ] {
            assert_eq!(status(version, "/", hosts), expected, "{version:?} {hosts:?}");
            assert_eq!(
                status(version, "http://a/", hosts),
                expected,
                "an address in the first line is no Host: {hosts:?}"
            );
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address_maybe_with_a_port() {
        for valid in
            ["", "node", "node:5375", "node:", "10.0.0.1:80", "[::1]", "[2001:db8::1]:5375", "my_node.a-b", "%41"]
        {
            assert_eq!(status(Version::HTTP_11, "/", &[valid.as_bytes()]), 200, "{valid}");
        }
        for invalid in [
            "a b",
            "a/b",
            "a@b",
            "http://a",
            "a:b",
            ":80",
            "a:1:2",
            "::1",
            "[::1",
            "[a]",
            "[::1]x",
            "[]",
            "a:123456",
            "a?b",
            "a#b",
            "a\\b",
            "a\tb",
            "<a>",
            "\"a\"",
            "n\u{f6}de",
            "\u{202e}",
        ] {
            assert_eq!(status(Version::HTTP_11, "/", &[invalid.as_bytes()]), 400, "{invalid}");
        }
        assert_eq!(status(Version::HTTP_11, "http://user:secret@a/", &[b"a"]), 400);
    }

    #[test]
    fn over_http_2_both_names_of_the_host_are_the_same() {
        assert_eq!(status(Version::HTTP_2, "http://a:1/", &[b"a:1"]), 200);
        assert_eq!(status(Version::HTTP_2, "http://a:1/", &[b"a"]), 400);
        assert_eq!(status(Version::HTTP_2, "http://a/", &[b"evil"]), 400);
    }
}
