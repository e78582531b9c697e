//! Failures below HTTP in words: what happened, and what to do. Hosts give them as codes.

use image_model::types::FailureCode::{self, Denied, Malformed, TimedOut, TooLarge, Unavailable};
use wasip3::http::types::ErrorCode;

/// Where a host learns of a private authority.
const CLIENT_CA: &str = "the host has to know its authority: Spin by [[client_tls]] with ca_roots_file in the file of \
                         `spin up --runtime-config-file`, wash by dev.http_client_ca_paths";

/// A failure below HTTP: what happened, and what to do.
pub(crate) fn explain(error: ErrorCode) -> (FailureCode, String) {
    use ErrorCode as E;
    let (code, message) = match error {
        // The host's message is more exact than any code.
        E::InternalError(Some(message)) => return (Unavailable, message),
        E::InternalError(None) => {
            (Unavailable, "the host could not send the request, and gives no reason; see its log")
        }
        E::ConnectionRefused => (Unavailable, "connection refused; is the server running, and is this its port?"),
        E::DnsError(_) | E::DnsTimeout | E::DestinationNotFound => {
            (Unavailable, "the host name can't be resolved; check the address and the resolver")
        }
        E::DestinationUnavailable | E::DestinationIpUnroutable => {
            (Unavailable, "there is no way to the server; check the address, and the routes of this machine")
        }
        E::ConnectionTimeout => (TimedOut, "no connection in time; can this machine reach the server?"),
        E::ConnectionReadTimeout | E::ConnectionWriteTimeout | E::HttpResponseTimeout => {
            (TimedOut, "no complete answer in time; is the server overloaded?")
        }
        E::ConnectionLimitReached => (Unavailable, "the host has as many connections as it may have; see its limits"),
        E::HttpResponseIncomplete | E::ConnectionTerminated => (Unavailable, "the answer broke off before its end"),
        E::TlsCertificateError => {
            return (Denied, format!("its certificate is not trusted; {CLIENT_CA}"));
        }
        E::TlsProtocolError => {
            let message = "no TLS with this server: it speaks none on this port, or its certificate is not trusted";
            return (Denied, format!("{message}; for a private authority, {CLIENT_CA}"));
        }
        E::TlsAlertReceived(alert) => {
            let said = alert.alert_message.or_else(|| alert.alert_id.map(|id| format!("alert {id}")));
            let said = said.unwrap_or_else(|| "without a reason".to_owned());
            return (Denied, format!("the server refused TLS ({said}); see its log"));
        }
        E::HttpRequestDenied | E::DestinationIpProhibited => (
            Denied,
            "refused by the host, which does not grant this destination: Spin's allowed_outbound_hosts and wasmCloud's \
             allowedHosts take a scheme, a host and a port, without a path",
        ),
        E::HttpResponseBodySize(_)
        | E::HttpResponseHeaderSectionSize(_)
        | E::HttpResponseHeaderSize(_)
        | E::HttpResponseTrailerSectionSize(_)
        | E::HttpResponseTrailerSize(_) => (TooLarge, "the answer is larger than the host reads"),
        E::HttpProtocolError => {
            (Malformed, "the answer is no HTTP; is this the server's port, and http or https right?")
        }
        E::HttpResponseTransferCoding(_) | E::HttpResponseContentCoding(_) | E::HttpUpgradeFailed => {
            (Malformed, "the answer has a form that the host does not read; is a proxy between them?")
        }
        E::LoopDetected => (Unavailable, "the request came back to where it began; check the address and the proxies"),
        E::ConfigurationError => (Unavailable, "the host is not configured for requests; see its log"),
        E::HttpRequestUriTooLong | E::HttpRequestUriInvalid => {
            (Denied, "the host took the address of the request for none; check the address")
        }
        E::HttpRequestLengthRequired
        | E::HttpRequestBodySize(_)
        | E::HttpRequestMethodInvalid
        | E::HttpRequestHeaderSectionSize(_)
        | E::HttpRequestHeaderSize(_)
        | E::HttpRequestTrailerSectionSize(_)
        | E::HttpRequestTrailerSize(_) => (Denied, "the host refused the form of the request; is a secret too long?"),
    };
    (code, message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasip3::http::types::{FieldSizePayload, TlsAlertReceivedPayload};

    #[test]
    fn each_code_of_a_host_is_a_sentence() {
        let size = || FieldSizePayload { field_name: None, field_size: None };
        for code in [
            ErrorCode::DnsTimeout,
            ErrorCode::DestinationUnavailable,
            ErrorCode::ConnectionLimitReached,
            ErrorCode::TlsProtocolError,
            ErrorCode::TlsAlertReceived(TlsAlertReceivedPayload { alert_id: Some(48), alert_message: None }),
            ErrorCode::HttpRequestUriInvalid,
            ErrorCode::HttpRequestTrailerSize(size()),
            ErrorCode::HttpResponseHeaderSize(size()),
            ErrorCode::HttpUpgradeFailed,
            ErrorCode::LoopDetected,
            ErrorCode::ConfigurationError,
            ErrorCode::InternalError(None),
        ] {
            let shown = format!("{code:?}");
            let message = explain(code).1;
            assert!(!message.contains("ErrorCode") && message.split(' ').count() > 5, "{shown}: {message}");
        }
    }

    #[test]
    fn a_private_authority_is_told_with_where_the_host_learns_of_it() {
        for code in [ErrorCode::TlsCertificateError, ErrorCode::TlsProtocolError] {
            let message = explain(code).1;
            assert!(message.contains("[[client_tls]]") && message.contains("ca_roots_file"), "{message}");
        }
    }

    #[test]
    fn the_words_of_a_host_are_passed_on() {
        assert_eq!(explain(ErrorCode::InternalError(Some("no route".to_owned()))).1, "no route");
    }
}
