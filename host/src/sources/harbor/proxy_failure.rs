//! Why the proxy to Harbor did not help, in words, and what to do. Nothing shows its login.

use super::connector::{Proxy, ProxyError};
use super::error::Retry;
use crate::error_chain::{chain, root_cause};
use http::StatusCode;
use image_service_telemetry::source::FailureKind;
use std::io::ErrorKind;

/// The kind, the sentence, and whether to try again.
pub(super) fn explain(error: &ProxyError, proxy: &Proxy) -> (FailureKind, String, Retry) {
    let (named_by, uri) = (proxy.named_by, proxy.uri.to_string());
    let uri = uri.trim_end_matches('/');
    match error {
        ProxyError::Unreachable(_, source) => {
            let io = chain(&**source).filter_map(|error| error.downcast_ref::<std::io::Error>()).last();
            let (kind, retry) = match io.map(std::io::Error::kind) {
                Some(ErrorKind::ConnectionRefused) => (FailureKind::ConnectionRefused, Retry::Later),
                _ => (FailureKind::Other, Retry::Never),
            };
            let cause = match chain(&**source).find_map(|error| error.downcast_ref::<rustls::Error>()) {
                Some(_) => "no TLS connection with it".to_owned(),
                None => root_cause(&**source),
            };
            (kind, format!("the proxy {uri} can't be reached ({cause}); check {named_by}"), retry)
        }
        ProxyError::Refused(status) => refused(*status, proxy),
        ProxyError::Broken(_) => {
            let message = format!("the proxy {uri} broke off before it answered; does it speak HTTP? Check {named_by}");
            (FailureKind::ConnectionBroken, message, Retry::Later)
        }
        ProxyError::TimedOut => {
            let message = format!("the proxy {uri} did not open the connection in time; can it reach Harbor?");
            (FailureKind::TimedOut, message, Retry::Never)
        }
    }
}

/// The proxy's own refusal of a connection or a request.
pub(super) fn refused(status: StatusCode, proxy: &Proxy) -> (FailureKind, String, Retry) {
    let uri = proxy.uri.to_string();
    let (uri, named_by) = (uri.trim_end_matches('/'), proxy.named_by);
    if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        let message = match &proxy.login {
            None => format!(
                "the proxy {uri} wants a login (407); write it into {named_by} as http://USER:PASSWORD@HOST:PORT, where other \
                 characters than letters and digits are written as %40 for an @"
            ),
            Some(_) => format!("the proxy {uri} refused its login (407); check user and password in {named_by}"),
        };
        return (FailureKind::Denied, message, Retry::Never);
    }
    if status.is_server_error() {
        let message =
            format!("the proxy {uri} can't reach Harbor ({status}); check harbor_config.url, and the proxy's log");
        return (FailureKind::Other, message, Retry::Later);
    }
    let message = format!(
        "the proxy {uri} refused the connection to Harbor ({status}); have it allow this host and port, or go without it: name \
         the host in NO_PROXY, or set harbor_config.proxy to \"none\""
    );
    (FailureKind::Denied, message, Retry::Never)
}
