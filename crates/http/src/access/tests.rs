//! What is let through, and what of an answer.

use super::*;
use http::Method;

/// As a composition reads and writes it.
const ACCESS: &str = "image-service-access";

/// Access with the token `token-of-this-test`.
fn access() -> (Access, tempfile::NamedTempFile) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "token-of-this-test").unwrap();
    let config = config::Access { token_file: Some(file.path().to_owned()), ..config::Access::default() };
    (Access::new(&config, None, &Lasting::default()).unwrap(), file)
}

/// Whether a request is let through, and its headers as the composition sees them.
fn let_through(access: &Access, method: Method, path: &str, headers: &[(&str, &str)]) -> Option<HeaderMap> {
    let mut request = request(method, path, headers);
    let mut context = access.context(&request, Peer::default());
    access.refusal(&mut request, &mut context).is_none().then(|| request.headers().clone())
}

fn request(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<()> {
    let request = Request::builder().method(method).uri(path);
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(()).unwrap()
}

/// The status of what a client gets of the composition's answer with this status and these headers.
fn answered(access: &Access, path: &str, headers: &[(&str, &str)], status: u16, answer: &[(&str, &str)]) -> u16 {
    let mut request = request(Method::GET, path, headers);
    let mut context = access.context(&request, Peer::default());
    assert!(access.refusal(&mut request, &mut context).is_none());
    let response = Response::builder().status(status);
    let response = answer.iter().fold(response, |response, (name, value)| response.header(*name, *value));
    let mut response = response.body(Body::EMPTY).unwrap();
    context.apply(&mut response);
    assert!(!response.headers().contains_key(ACCESS), "clients do not see it");
    response.status().as_u16()
}

fn cookie() -> String {
    let set = session::begin("token-of-this-test", moment::date(), false).unwrap();
    set.to_str().unwrap().split(';').next().unwrap().to_owned()
}

#[test]
fn the_page_is_passed_on_with_how_the_login_stands() {
    let (access, _file) = access();
    let cookie = cookie();
    let bearer = ("authorization", "Bearer token-of-this-test");
    let forged = (ACCESS, "logged-in");
    for (headers, expected) in [
        (&[forged][..], Some("login-required")),
        (&[("authorization", "Bearer wrong"), ("cookie", "image-service-session=1.2")], Some("login-required")),
        (&[("cookie", &cookie), forged], Some("logged-in")),
        (&[bearer, forged], None),
    ] {
        for path in ["/", "/assets/page.js"] {
            let seen = let_through(&access, Method::GET, path, headers).unwrap();
            assert_eq!(seen.get(ACCESS).map(|value| value.to_str().unwrap()), expected, "{headers:?}");
            assert!(!seen.contains_key(AUTHORIZATION) && !seen.contains_key(COOKIE));
        }
    }
    assert_eq!(let_through(&access, Method::POST, "/", &[]), None, "only reading is open");
    assert_eq!(let_through(&access, Method::GET, "/images", &[forged]), None);
    let seen = let_through(&access, Method::GET, "/images", &[bearer, forged]).unwrap();
    assert!(!seen.contains_key(ACCESS));
    let open = Access::new(&config::Access::default(), None, &Lasting::default()).unwrap();
    assert!(!let_through(&open, Method::GET, "/", &[forged]).unwrap().contains_key(ACCESS));
}

#[test]
fn an_answer_without_the_mark_is_kept_back_from_whoever_did_not_log_in() {
    let (access, _file) = access();
    let cookie = cookie();
    let open = [(ACCESS, "open")];
    let logged_in = [("cookie", cookie.as_str())];
    for (headers, answer, expected) in [
        (&[][..], &open[..], 200),
        (&[], &[], 401),
        (&[], &[(ACCESS, "yes")], 401),
        (&logged_in, &open, 200),
        (&logged_in, &[], 200),
        (&[("authorization", "Bearer token-of-this-test")], &[], 200),
    ] {
        assert_eq!(answered(&access, "/", headers, 200, answer), expected, "{headers:?} {answer:?}");
    }
    assert_eq!(answered(&access, "/assets/page.js", &[], 304, &[]), 304, "there is nothing in it");
    for failed in [500, 503, 504] {
        assert_eq!(answered(&access, "/", &[], failed, &[]), failed, "that it failed is no secret");
    }
}

#[test]
fn the_composition_sees_neither_tokens_nor_sessions() {
    let (access, _file) = access();
    let cookies = format!("theme=dark; {}", cookie());
    let bearer = ("authorization", "Bearer token-of-this-test");
    for (path, headers) in [
        ("/images", &[("cookie", cookies.as_str()), ("authorization", "Basic cHJveHk6cHJveHk=")][..]),
        ("/images", &[("cookie", &cookies), bearer]),
    ] {
        let seen = let_through(&access, Method::GET, path, headers).unwrap();
        assert_eq!((seen.get(AUTHORIZATION), seen[COOKIE].to_str().unwrap()), (None, "theme=dark"));
    }
    let seen = let_through(&access, Method::GET, "/", &[("cookie", &cookies)]).unwrap();
    assert_eq!(seen[COOKIE], "theme=dark");
}

#[test]
fn a_session_opens_what_people_look_at_and_changes_nothing() {
    let (access, _file) = access();
    let cookie = cookie();
    let opens = |method: Method, path: &str| let_through(&access, method, path, &[("cookie", &cookie)]).is_some();
    for path in ["/images", "//images", "/inventory", "/compare", "/openapi.json", "/nothing"] {
        assert!(opens(Method::GET, path) && opens(Method::HEAD, path), "{path}");
        assert!(!opens(Method::POST, path) && !opens(Method::OPTIONS, path), "{path}");
    }
    for path in ["/metrics", "/v1/crictl/images"] {
        assert!(!opens(Method::GET, path), "{path}");
    }
}

#[test]
fn only_a_token_or_a_session_opens_the_details_of_a_probe() {
    let (access, _file) = access();
    let cookie = cookie();
    let sees = |access: &Access, headers: &[(&str, &str)]| {
        let mut request = request(Method::GET, "/readyz", headers);
        let mut context = access.context(&request, Peer::default());
        assert!(access.refusal(&mut request, &mut context).is_none(), "everybody gets an answer");
        request.extensions().get::<SeesDetails>().is_some()
    };
    let bearer = [("authorization", "Bearer token-of-this-test")];
    assert!(sees(&access, &bearer) && sees(&access, &[("cookie", &cookie)]));
    for headers in [&[][..], &[("authorization", "Bearer wrong")], &[("cookie", "image-service-session=1.2")]] {
        assert!(!sees(&access, headers), "{headers:?}");
    }
    let open = Access::new(&config::Access::default(), None, &Lasting::default()).unwrap();
    assert!(!sees(&open, &bearer), "without configured tokens nobody has a valid one");
}
