//! A failed try: its message, its kind, and whether another try may succeed.

use super::error::SendError;
use crate::error_chain::{chain, root_cause};
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Response, StatusCode};
use image_service_config::duration;
use image_service_telemetry::source::FailureKind;
use rustls::CertificateError;
use std::error::Error as StdError;
use std::io::ErrorKind;
use std::time::{Duration, SystemTime};

/// A failed try.
pub(super) struct Failure {
    /// The result for the component if this try is the last.
    pub(super) outcome: Box<Result<Response<Bytes>, SendError>>,
    pub(super) retry: Retry,
}

/// Whether and when to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    /// Never, because another try would fail in the same way.
    Never,
    /// After the usual wait.
    Later,
    /// After the usual wait, until the time limit: a proxy says that Harbor is not there, as it does while Harbor starts.
    Starting,
    /// After this time, as the server asks.
    After(Duration),
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        Self { outcome: Box::new(Err(error)), retry: Retry::Never }
    }
}

impl Failure {
    /// Harbor did not answer.
    pub(super) fn no_answer(error: &hyper_util::client::legacy::Error) -> Self {
        let (kind, message, retry) = explain(error);
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
fn explain(error: &hyper_util::client::legacy::Error) -> (FailureKind, String, Retry) {
    let cause = root_cause(error);
    let causes = || chain(error);
    if let Some(error) = causes().find_map(|error| error.downcast_ref()) {
        return (FailureKind::Tls, explain_tls(error), Retry::Never);
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
    if causes().filter_map(|error| error.downcast_ref::<hyper::Error>()).any(hyper::Error::is_parse) {
        let advice = "should harbor_config.url begin with https://?";
        return (FailureKind::Malformed, format!("the answer is no HTTP ({cause}); {advice}"), Retry::Never);
    }
    if error.is_connect() {
        // A server that can't be reached has already cost the connect time-out. A server that resets the connection exists.
        let retry = if kind == Some(ErrorKind::ConnectionReset) { Retry::Later } else { Retry::Never };
        return (FailureKind::Other, format!("no connection ({cause}); can this machine reach Harbor?"), retry);
    }
    (FailureKind::ConnectionBroken, format!("the connection broke before the answer ({cause})"), Retry::Later)
}

/// Why TLS failed, and what to do.
fn explain_tls(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(problem) = error else {
        return format!("no TLS connection ({error}); is harbor_config.url an address where Harbor speaks https?");
    };
    let advice = match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "renew it, or check this machine's clock"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "check this machine's clock",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "use a name that it is for in harbor_config.url"
        }
        _ => "set harbor_config.ca_file to the authority that signed it",
    };
    format!("its certificate is not trusted ({error}); {advice}")
}
