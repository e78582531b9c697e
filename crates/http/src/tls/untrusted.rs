//! Why a server's certificate is not trusted, in words.

use super::certificate::{Certificate, moment};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, OtherError};
use std::fmt;
use std::sync::Arc;

/// Why a server's certificate is not trusted. The text follows "its certificate".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untrusted {
    /// For those who choose what to advise.
    pub reason: Distrust,
    text: String,
}

/// Reasons for which a certificate is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// Nobody knows who signed it.
    UnknownAuthority,
    /// It is its own authority, which nobody knows.
    SelfSigned,
    /// It does not count any more.
    Expired,
    /// It does not count yet.
    NotValidYet,
    /// It is for other hosts.
    WrongName,
    /// Another one.
    Other,
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Untrusted {}

impl From<Untrusted> for rustls::Error {
    fn from(untrusted: Untrusted) -> Self {
        Self::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(untrusted))))
    }
}

impl Untrusted {
    /// Finds it in an error of a connection.
    pub fn of(error: &rustls::Error) -> Option<&Self> {
        match error {
            rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other))) => other.downcast_ref(),
            _ => None,
        }
    }

    fn new(reason: Distrust, text: impl Into<String>) -> Self {
        Self { reason, text: text.into() }
    }

    /// The certificate is for other hosts than `host`.
    pub(super) fn wrong_name(certificate: &Certificate<'_>, host: &ServerName<'_>) -> Self {
        let (host, names) = (host.to_str(), certificate.shown_names());
        let text = if names.is_empty() {
            let subject = certificate.subject();
            format!("is for {subject} and names no host (it has no subjectAltName), so not {host} either")
        } else {
            format!("is for {names}, and not for {host}")
        };
        Self::new(Distrust::WrongName, text)
    }

    /// The certificate does not count at this time; `None` where it does.
    pub(super) fn by_time(certificate: &Certificate<'_>, now: UnixTime) -> Option<Self> {
        let (begins, ends) = certificate.validity();
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if now > ends {
            return Some(Self::new(Distrust::Expired, format!("expired on {}", moment(ends))));
        }
        (now < begins).then(|| Self::new(Distrust::NotValidYet, format!("counts from {} only", moment(begins))))
    }

    /// What webpki found wrong with a certificate.
    pub(super) fn explain(
        error: &CertificateError,
        end_entity: &CertificateDer<'_>,
        host: &ServerName<'_>,
        now: UnixTime,
    ) -> Self {
        use CertificateError as Error;
        let Some(certificate) = Certificate::read(end_entity) else {
            return Self::new(Distrust::Other, "can't be read; have Harbor's administrator issue it anew");
        };
        match error {
            Error::NotValidForName | Error::NotValidForNameContext { .. } => Self::wrong_name(&certificate, host),
            Error::Expired | Error::ExpiredContext { .. } | Error::NotValidYet | Error::NotValidYetContext { .. } => {
                Self::by_time(&certificate, now).unwrap_or_else(|| match error {
                    Error::ExpiredContext { not_after, .. } => {
                        let moment = moment(i64::try_from(not_after.as_secs()).unwrap_or(i64::MAX));
                        Self::new(
                            Distrust::Expired,
                            format!("leads to an authority whose certificate expired on {moment}"),
                        )
                    }
                    Error::NotValidYet | Error::NotValidYetContext { .. } => {
                        Self::new(Distrust::NotValidYet, "leads to an authority whose certificate does not count yet")
                    }
                    _ => Self::new(Distrust::Expired, "leads to an authority whose certificate has expired"),
                })
            }
            _ if certificate.is_of_version_1() => {
                Self::new(Distrust::Other, "is of the first version of X.509, without names of hosts; issue it anew")
            }
            // webpki also says of such a certificate that an authority's is none of a server.
            _ if certificate.is_self_issued() => {
                Self::new(Distrust::SelfSigned, format!("is signed by itself ({})", certificate.subject()))
            }
            Error::UnknownIssuer => {
                let issuer = certificate.issuer();
                Self::new(
                    Distrust::UnknownAuthority,
                    format!("is signed by {issuer}, which this machine does not know"),
                )
            }
            Error::BadSignature => {
                let issuer = certificate.issuer();
                let text =
                    format!("is not signed by the {issuer} that this machine knows, but by another of this name");
                Self::new(Distrust::UnknownAuthority, text)
            }
            Error::Revoked => Self::new(Distrust::Other, "is revoked"),
            Error::InvalidPurpose | Error::InvalidPurposeContext { .. } => {
                Self::new(Distrust::Other, "is not for servers (its extended key usage has no serverAuth)")
            }
            Error::UnhandledCriticalExtension => {
                Self::new(Distrust::Other, "has a critical extension that this program does not know")
            }
            Error::UnsupportedSignatureAlgorithmContext { .. }
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => Self::new(
                Distrust::Other,
                "or one of its authorities is signed in an old or rare way, such as with SHA-1",
            ),
            _ => {
                Self::new(Distrust::Other, format!("({}) does not fit its chain of authorities", certificate.subject()))
            }
        }
    }
}
