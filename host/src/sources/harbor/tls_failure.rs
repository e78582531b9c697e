//! Why there is no TLS connection to Harbor, in words, and what to do. No text of a library comes to an operator.

use image_service_http::tls::{Distrust, Offer, Untrusted};
use rustls::{AlertDescription as Alert, Error, InvalidMessage};

/// What a server needs that this program can talk to.
const NEEDED: &str = "this program needs TLS 1.2 or 1.3 with ECDHE and AES-GCM or ChaCha20: enable them in the server or proxy \
                      before Harbor (nginx: ssl_protocols and ssl_ciphers)";

/// Whether both sides share no version or cipher, so that it is worth asking what the server offers.
pub(super) fn shares_nothing(error: &Error) -> bool {
    match error {
        Error::PeerIncompatible(_) => true,
        Error::AlertReceived(alert) => {
            matches!(alert, Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity)
        }
        _ => false,
    }
}

/// The sentence for an error of rustls. `offer` is what the server offers, where it was asked.
pub(super) fn explain(error: &Error, offer: Option<Offer>) -> String {
    if let Some(untrusted) = Untrusted::of(error) {
        let advice = match untrusted.reason {
            Distrust::UnknownAuthority => {
                "set harbor_config.ca_file to the certificate of this authority, or have the server send those in between, too"
            }
            Distrust::SelfSigned => "set harbor_config.ca_file to a file with this certificate",
            Distrust::Expired => "renew it, or check this machine's clock",
            Distrust::NotValidYet => "check this machine's clock",
            Distrust::WrongName => "use a name that it is for in harbor_config.url, or issue it for this name",
            Distrust::Other => "have it issued anew",
        };
        return format!("its certificate {untrusted}; {advice}");
    }
    if shares_nothing(error) {
        let what = match error {
            Error::AlertReceived(Alert::ProtocolVersion) => "it speaks no version of TLS that this program speaks",
            _ => "it shares no cipher or version of TLS with this program",
        };
        let offer = offer.map(|offer| format!("; it offers {offer}")).unwrap_or_default();
        return format!("no TLS connection, as {what}{offer}; {NEEDED}");
    }
    let (what, advice) = match error {
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => (
            "the server does not answer in TLS; most likely it speaks plain HTTP at this port",
            "begin harbor_config.url with http://, or use the port where Harbor speaks https",
        ),
        Error::AlertReceived(Alert::UnrecognisedName) => {
            ("the server knows no site of this name", "check the host in harbor_config.url")
        }
        Error::AlertReceived(
            Alert::CertificateRequired
            | Alert::NoCertificate
            | Alert::BadCertificate
            | Alert::UnknownCA
            | Alert::AccessDenied,
        ) => (
            "the server wants a certificate of its clients, and this program has none",
            "use an address of Harbor in harbor_config.url where none is asked for",
        ),
        Error::AlertReceived(Alert::InternalError) => (
            "the server broke the TLS handshake off with an error of its own",
            "see the log of the server before Harbor",
        ),
        _ => (
            "the server's TLS is not as the protocol says",
            "does Harbor answer at the address of harbor_config.url, or something between that changes TLS?",
        ),
    };
    format!("no TLS connection, as {what}; {advice}")
}

/// The sentence for a connection that ended within the handshake.
pub(super) fn ended() -> String {
    "no TLS connection, as the server ended it within the handshake; does Harbor speak https at the address of \
     harbor_config.url, and does no firewall stop it?"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::{PeerIncompatible, PeerMisbehaved};

    #[test]
    fn no_failure_has_a_librarys_words() {
        let alerts = (0..=255).map(|alert| Error::AlertReceived(Alert::from(alert)));
        let others = [
            Error::InvalidMessage(InvalidMessage::InvalidContentType),
            Error::InvalidMessage(InvalidMessage::MessageTooShort),
            Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
            Error::PeerMisbehaved(PeerMisbehaved::BadCertChainExtensions),
            Error::NoApplicationProtocol,
            Error::DecryptError,
        ];
        for error in alerts.chain(others) {
            let said = explain(&error, None);
            assert!(!said.contains(&error.to_string()) && said.contains("; "), "{error:?}: {said}");
        }
    }

    #[test]
    fn plain_http_names_the_scheme_to_write() {
        let said = explain(&Error::InvalidMessage(InvalidMessage::InvalidContentType), None);
        assert!(said.contains("plain HTTP") && said.contains("http://"), "{said}");
    }
}
