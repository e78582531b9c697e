//! A failed try: its message, its kind, and whether another try may succeed.

use super::connector::Proxy;
use super::error::{Retry, SendError};
use super::{proxy_failure, tls_failure};
use crate::error_chain::{chain, root_cause};
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Response, StatusCode};
use image_service_config::duration;
use image_service_http::tls::Offer;
use image_service_telemetry::source::FailureKind;
use std::error::Error as StdError;
use std::io::ErrorKind;
use std::time::SystemTime;

/// A failed try.
pub(super) struct Failure {
    /// The result for the component if this try is the last.
    pub(super) outcome: Box<Result<Response<Bytes>, SendError>>,
    pub(super) retry: Retry,
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        Self { outcome: Box::new(Err(error)), retry: Retry::Never }
    }
}

impl Failure {
    /// Harbor did not answer. `proxy` is the one in between; `offer` is what the server offers, where both share no TLS.
    pub(super) fn no_answer(
        error: &hyper_util::client::legacy::Error,
        proxy: Option<&Proxy>,
        offer: Option<Offer>,
    ) -> Self {
        let (kind, message, retry) = explain(error, proxy, offer);
        Self { outcome: Box::new(Err(SendError::failed(kind, message))), retry }
    }

    /// The proxy refused the request.
    pub(super) fn refused_by_proxy(status: StatusCode, proxy: &Proxy) -> Self {
        let (kind, message, retry) = proxy_failure::refused(status, proxy);
        Self { outcome: Box::new(Err(SendError::failed(kind, message))), retry }
    }

    /// The answer began and did not end.
    pub(super) fn broken_off(error: &(dyn StdError + 'static)) -> Self {
        let message = format!("the answer broke off before its end ({})", root_cause(error));
        Self { outcome: Box::new(Err(SendError::failed(FailureKind::ConnectionBroken, message))), retry: Retry::Later }
    }

    /// The answer, or a failure where its status is one of those that may pass.
    pub(super) fn of(response: Response<Bytes>) -> Result<Response<Bytes>, Self> {
        match response.status() {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                let wait = asked.and_then(|value| duration::retry_after(value, SystemTime::now()));
                let retry = match (wait, response.status()) {
                    (Some(wait), _) => Retry::After(wait),
                    (None, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE) => Retry::Starting,
                    (None, _) => Retry::Later,
                };
                Err(Self { outcome: Box::new(Ok(response)), retry })
            }
            _ => Ok(response),
        }
    }
}

/// Explains the error, and decides whether to try again: not where the result would stay the same for minutes.
fn explain(
    error: &hyper_util::client::legacy::Error,
    proxy: Option<&Proxy>,
    offer: Option<Offer>,
) -> (FailureKind, String, Retry) {
    let cause = root_cause(error);
    let causes = || chain(error);
    // First, as what the proxy's connection failed of is not Harbor's.
    if let (Some(error), Some(proxy)) = (causes().find_map(|error| error.downcast_ref()), proxy) {
        return proxy_failure::explain(error, proxy);
    }
    if let Some(error) = tls_error(error) {
        return (FailureKind::Tls, tls_failure::explain(error, offer), Retry::Never);
    }
    if causes().any(|error| error.to_string().contains("dns error")) {
        return (
            FailureKind::Dns,
            format!("the host name can't be resolved ({cause}); check harbor_config.url"),
            Retry::Never,
        );
    }
    let kind = causes().filter_map(|error| error.downcast_ref::<std::io::Error>()).map(std::io::Error::kind).last();
    if kind == Some(ErrorKind::ConnectionRefused) {
        let message = "connection refused; is Harbor running, and is this its port?".to_owned();
        return (FailureKind::ConnectionRefused, message, Retry::Later);
    }
    let of_hyper = |is: fn(&hyper::Error) -> bool| causes().filter_map(|error| error.downcast_ref()).any(is);
    if of_hyper(hyper::Error::is_parse_too_large) {
        let error = SendError::headers_too_large("the program reads");
        return (error.kind(), error.to_string(), Retry::Never);
    }
    if of_hyper(hyper::Error::is_parse) {
        let message = "the answer is no HTTP; should harbor_config.url begin with https://?".to_owned();
        return (FailureKind::Malformed, message, Retry::Never);
    }
    if error.is_connect() && kind == Some(ErrorKind::UnexpectedEof) {
        return (FailureKind::Tls, tls_failure::ended(), Retry::Later);
    }
    if error.is_connect() {
        // A server that can't be reached has already cost the connect time-out. A server that resets the connection exists.
        let retry = if kind == Some(ErrorKind::ConnectionReset) { Retry::Later } else { Retry::Never };
        return (FailureKind::Other, format!("no connection ({cause}); can this machine reach Harbor?"), retry);
    }
    (FailureKind::ConnectionBroken, format!("the connection broke before the answer ({cause})"), Retry::Later)
}

/// The error of TLS in this one.
pub(super) fn tls_error(error: &hyper_util::client::legacy::Error) -> Option<&rustls::Error> {
    chain(error).find_map(|error| error.downcast_ref())
}
