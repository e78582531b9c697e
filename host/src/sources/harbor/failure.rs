//! Why a try failed, in words and as a kind, and whether another try may succeed.

use super::error::SendError;
use crate::error_chain::{chain, root_cause};
use bytes::Bytes;
use http::header::{HeaderMap, RETRY_AFTER};
use http::{Response, StatusCode};
use image_service_telemetry::source::FailureKind;
use rustls::CertificateError;
use std::error::Error as StdError;
use std::io::ErrorKind;
use std::time::{Duration, SystemTime};

/// A failed try.
pub(super) struct Failure {
    /// What the component gets when it stays with this try.
    pub(super) outcome: Box<Result<Response<Bytes>, SendError>>,
    pub(super) again: Again,
}

/// Whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It would end as it did.
    Never,
    /// After a while.
    Later,
    /// After this time, as the server asks.
    After(Duration),
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        Self { outcome: Box::new(Err(error)), again: Again::Never }
    }
}

impl Failure {
    /// No answer came.
    pub(super) fn no_answer(error: &hyper_util::client::legacy::Error) -> Self {
        let (kind, message, again) = explain(error);
        Self { outcome: Box::new(Err(SendError::failed(kind, message))), again }
    }

    /// An answer began and did not end.
    pub(super) fn broken_off(error: &(dyn StdError + 'static)) -> Self {
        let message = format!("the answer broke off before its end ({})", root_cause(error));
        Self { outcome: Box::new(Err(SendError::failed(FailureKind::ConnectionBroken, message))), again: Again::Later }
    }

    /// The answer, as a failure where its status says that another try may get another.
    pub(super) fn of(response: Response<Bytes>) -> Result<Response<Bytes>, Self> {
        match response.status() {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                let again = retry_after(response.headers(), SystemTime::now()).map_or(Again::Later, Again::After);
                Err(Self { outcome: Box::new(Ok(response)), again })
            }
            _ => Ok(response),
        }
    }
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        // A date that is over means now.
        Err(_) => Some(httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()),
    }
}

/// What went wrong and what to do, and whether to try again: not where the outcome would be the same for minutes.
fn explain(error: &hyper_util::client::legacy::Error) -> (FailureKind, String, Again) {
    let cause = root_cause(error);
    let causes = || chain(error);
    if let Some(error) = causes().find_map(|error| error.downcast_ref()) {
        return (FailureKind::Tls, explain_tls(error), Again::Never);
    }
    if causes().any(|error| error.to_string().contains("dns error")) {
        return (
            FailureKind::Dns,
            format!("the host name can't be resolved ({cause}); check harbor_config.url"),
            Again::Never,
        );
    }
    let kind = causes().filter_map(|error| error.downcast_ref::<std::io::Error>()).map(std::io::Error::kind).last();
    if kind == Some(ErrorKind::ConnectionRefused) {
        let message = "connection refused; is Harbor running, and is this its port?".to_owned();
        return (FailureKind::ConnectionRefused, message, Again::Later);
    }
    if causes().filter_map(|error| error.downcast_ref::<hyper::Error>()).any(hyper::Error::is_parse) {
        let advice = "is it https:// that harbor_config.url should begin with?";
        return (FailureKind::Malformed, format!("what answered is no HTTP ({cause}); {advice}"), Again::Never);
    }
    if error.is_connect() {
        // Who can't be reached has cost a while already; who resets is there.
        let again = if kind == Some(ErrorKind::ConnectionReset) { Again::Later } else { Again::Never };
        return (FailureKind::Other, format!("no connection ({cause}); can this machine reach Harbor?"), again);
    }
    (FailureKind::ConnectionBroken, format!("the connection broke before the answer ({cause})"), Again::Later)
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

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn again(text: &str) -> Option<Duration> {
        // Sun, 06 Nov 1994 08:49:37 GMT
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        retry_after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(text).unwrap())]), now)
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(again("7"), Some(Duration::from_secs(7)));
        assert_eq!(again("Sun, 06 Nov 1994 08:49:40 GMT"), Some(Duration::from_secs(3)));
        assert_eq!(again("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        for nonsense in ["soon", "-1", "", "1.5"] {
            assert_eq!(again(nonsense), None, "{nonsense:?}");
        }
    }
}
