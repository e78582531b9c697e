//! `POST /login` and `POST /logout`: a person's browser gives a token once, and gets a cookie for it.

use super::failed_logins::FailedLogins;
use super::tokens::Tokens;
use super::{Peer, initiator, session};
use crate::response::{Body, RequestBody, problem, text};
use http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER, SET_COOKIE,
    WWW_AUTHENTICATE,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use image_service_config::Secret;
use image_service_telemetry::metrics::{self, LoginOutcome};
use image_service_telemetry::moment;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Bytes of the body of a login. A cookie has at most 4096 bytes, and a token takes two of them a byte.
const MAX_BODY_BYTES: usize = 1024;
/// Where a form leads, and where it leads after a wrong token: the page.
const PAGE: HeaderValue = HeaderValue::from_static("/");
const PAGE_AFTER_FAILURE: HeaderValue = HeaderValue::from_static("/?login=failed");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// How the client sends its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Form,
    Json,
}

/// Answers a login. Without `tokens` there is nothing to log in to.
pub(super) async fn log_in(
    request: Request<RequestBody>,
    peer: Peer,
    tokens: Option<&Tokens>,
    failed: &FailedLogins,
) -> Response<Body> {
    if let Some(refusal) = refusal("/login", &request, tokens.is_some()) {
        return refusal;
    }
    let Some(format) = Format::of(request.headers()) else {
        let detail = "POST /login needs Content-Type: application/x-www-form-urlencoded, or application/json.";
        return problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
    };
    let secure = peer.over_tls || initiator::is_on_https(request.headers());
    let goes_on = goes_on(request.headers());
    let body = match whole(request.into_body()).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let Some(token) = format.token(&body) else {
        let detail =
            r#"The body of POST /login is no token; send token=TOKEN as a form, or {"token": "TOKEN"} as JSON."#;
        return problem(StatusCode::BAD_REQUEST, detail);
    };
    match failed
        .attempt(peer.address, Instant::now(), || tokens.is_some_and(|tokens| tokens.holds(token.reveal().trim())))
    {
        Ok(true) => {
            metrics::login_ended(LoginOutcome::Success);
            let cookie = session::begin(token.reveal().trim(), moment::date(), secure);
            done(goes_on, cookie)
        }
        Ok(false) => {
            metrics::login_ended(LoginOutcome::Failure);
            let client = peer.address.map_or_else(|| "a Unix socket".to_owned(), |address| address.to_string());
            tracing::warn!("a login from {client} failed: its token is not in access_config.token_file");
            wrong_token(goes_on)
        }
        Err(wait) => {
            metrics::login_ended(LoginOutcome::Throttled);
            throttled(wait)
        }
    }
}

/// The bytes of a body. `Limited` of http_body_util would do it, but its error makes a future that the server can't spawn.
async fn whole(mut body: RequestBody) -> Result<Zeroizing<Vec<u8>>, Response<Body>> {
    // Its memory is taken once, so that no copy of a token stays behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BODY_BYTES));
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(problem(StatusCode::BAD_REQUEST, "The body of POST /login broke off."));
        };
        let Some(data) = frame.data_ref() else { continue };
        if data.len() > MAX_BODY_BYTES - bytes.len() {
            let detail = format!("The body of POST /login has at most {MAX_BODY_BYTES} bytes.");
            return Err(problem(StatusCode::PAYLOAD_TOO_LARGE, &detail));
        }
        bytes.extend_from_slice(data);
    }
    Ok(bytes)
}

/// Answers a logout. The session ends in this browser; a copy of its cookie is good until it expires.
pub(super) fn log_out<B>(request: &Request<B>, peer: Peer, has_tokens: bool) -> Response<Body> {
    if let Some(refusal) = refusal("/logout", request, has_tokens) {
        return refusal;
    }
    let secure = peer.over_tls || initiator::is_on_https(request.headers());
    done(goes_on(request.headers()), session::end(secure))
}

/// The refusal of a request that is no login or logout of this program.
fn refusal<B>(path: &str, request: &Request<B>, has_tokens: bool) -> Option<Response<Body>> {
    if request.method() != Method::POST {
        let detail = format!("{} can't be used on {path}. Use POST.", request.method());
        let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, &detail);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return Some(response);
    }
    if !has_tokens {
        let detail = format!("There is no {path}: access_config.token_file is not set, so no request needs a token.");
        return Some(problem(StatusCode::NOT_FOUND, &detail));
    }
    if initiator::is_foreign(request) {
        let detail = format!(
            "POST {path} is for the program's own page, and the page of another origin sent this request. If it was the \
             program's own, a proxy changes the header Host or Origin; let it pass them on."
        );
        return Some(problem(StatusCode::FORBIDDEN, &detail));
    }
    None
}

/// Whether the browser goes where the answer leads, as with the form of a page: it asks for HTML. Scripts do not.
fn goes_on(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|value| value.to_str().is_ok_and(|value| value.contains("text/html")))
}

impl Format {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        match value.split(';').next()?.trim().to_ascii_lowercase().as_str() {
            "application/x-www-form-urlencoded" => Some(Self::Form),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }

    /// The token that a body has: one, and text.
    fn token(self, body: &[u8]) -> Option<Secret> {
        let token = match self {
            Self::Form => {
                let mut tokens = form_urlencoded::parse(body).filter(|(name, _)| name == "token");
                let (_, token) = tokens.next()?;
                tokens.next().is_none().then(|| token.into_owned())?
            }
            Self::Json => match serde_json::from_slice(body).ok()? {
                serde_json::Value::Object(mut fields) => match fields.remove("token")? {
                    serde_json::Value::String(token) => token,
                    _ => return None,
                },
                _ => return None,
            },
        };
        Some(Secret::from(token))
    }
}

/// The answer to a login or a logout that did what it should, with its cookie.
fn done(goes_on: bool, cookie: Option<HeaderValue>) -> Response<Body> {
    let Some(cookie) = cookie else {
        tracing::error!("a login failed: the system gives no random bytes");
        return problem(StatusCode::INTERNAL_SERVER_ERROR, "No cookie can be made; the log says why.");
    };
    let mut response = if goes_on { see_other(PAGE) } else { empty(StatusCode::NO_CONTENT) };
    response.headers_mut().insert(SET_COOKIE, cookie);
    response
}

fn wrong_token(goes_on: bool) -> Response<Body> {
    if goes_on {
        return see_other(PAGE_AFTER_FAILURE);
    }
    let detail = "This token is not in access_config.token_file. Ask whoever runs the program for one.";
    let mut response = problem(StatusCode::UNAUTHORIZED, detail);
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

fn throttled(wait: Duration) -> Response<Body> {
    // Not before the wait is over, and at least a second.
    let seconds = wait.as_secs().saturating_add(1);
    let detail = format!("Too many logins failed in the last minute; try again in {seconds} seconds.");
    let mut response = problem(StatusCode::TOO_MANY_REQUESTS, &detail);
    response.headers_mut().insert(RETRY_AFTER, seconds.into());
    response
}

/// A browser goes on by GET.
fn see_other(location: HeaderValue) -> Response<Body> {
    let mut response = empty(StatusCode::SEE_OTHER);
    response.headers_mut().insert(LOCATION, location);
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = text(status, "", "");
    response.headers_mut().remove(CONTENT_TYPE);
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(format: Format, body: &str) -> Option<String> {
        Some(format.token(body.as_bytes())?.reveal().to_owned())
    }

    #[test]
    fn a_token_is_read_from_a_form_or_from_json() {
        for (format, body) in [
            (Format::Form, "token=a%2Bb%20c"),
            (Format::Form, "other=1&token=a%2Bb+c&token2=x"),
            (Format::Json, r#"{"token": "a+b c"}"#),
        ] {
            assert_eq!(token(format, body).as_deref(), Some("a+b c"), "{body}");
        }
        for (format, body) in [
            (Format::Form, ""),
            (Format::Form, "token=a&token=a"),
            (Format::Form, r#"{"token": "a"}"#),
            (Format::Json, "token=a"),
            (Format::Json, r#"{"token": 1}"#),
            (Format::Json, r#""a""#),
            (Format::Json, ""),
        ] {
            assert_eq!(token(format, body), None, "{body}");
        }
    }
}
