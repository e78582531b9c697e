//! Whether a server's certificate is trusted: it leads to an authority, or it is itself one of the trusted certificates.
//!
//! The second is what most on-premise servers have (`openssl req -x509`): one certificate that is its own authority and the
//! server's. webpki refuses an authority's certificate as a server's. curl and Python accept exactly this certificate, for the
//! hosts that it names and while it counts, and so does this.

use super::certificate::Certificate;
use super::signatures::check_signatures;
use super::untrusted::Untrusted;
use anyhow::{Context, Result};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::Arc;

/// Verifies by these authorities and certificates.
#[derive(Debug)]
pub(super) struct Verifier {
    /// `None` where there is no authority.
    by_authority: Option<Arc<WebPkiServerVerifier>>,
    /// The digests of all trusted certificates.
    trusted: HashSet<[u8; 32]>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    /// Trusts the certificates of the system, of which it skips those that can't be read, and the operator's `own`.
    pub(super) fn new(
        provider: Arc<CryptoProvider>,
        system: Vec<CertificateDer<'static>>,
        own: Vec<CertificateDer<'static>>,
    ) -> Result<Self> {
        let mut trusted = HashSet::new();
        let mut roots = RootCertStore::empty();
        // Several variables mostly name the same bundle.
        roots.add_parsable_certificates(system.into_iter().filter(|certificate| trusted.insert(digest(certificate))));
        trusted.extend(own.iter().map(|certificate| digest(certificate)));
        for certificate in own {
            roots.add(certificate).ok().context("it holds a certificate that can't be read; write it anew")?;
        }
        let by_authority = if roots.is_empty() {
            None
        } else {
            Some(WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?)
        };
        Ok(Self { by_authority, trusted, provider })
    }
}

fn digest(certificate: &CertificateDer<'_>) -> [u8; 32] {
    Sha256::digest(certificate).into()
}

/// Verifies a certificate that is itself trusted: it counts now, and is for this host.
fn verify_itself(end_entity: &CertificateDer<'_>, host: &ServerName<'_>, now: UnixTime) -> Result<(), Untrusted> {
    let unreadable = || Untrusted::explain(&CertificateError::BadEncoding, end_entity, host, now);
    let certificate = Certificate::read(end_entity).ok_or_else(unreadable)?;
    if let Some(untrusted) = Untrusted::by_time(&certificate, now) {
        return Err(untrusted);
    }
    let parsed = ParsedCertificate::try_from(end_entity).map_err(|_| unreadable())?;
    // Such a certificate may be older than names of hosts: then its common name is the host's, as curl reads it.
    let is_common_name = || {
        let name = certificate.common_name().filter(|_| certificate.names().is_empty());
        name.is_some_and(|name| name.eq_ignore_ascii_case(&host.to_str()))
    };
    if verify_server_name(&parsed, host).is_ok() || is_common_name() {
        return Ok(());
    }
    Err(Untrusted::wrong_name(&certificate, host))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.trusted.contains(&digest(end_entity)) {
            return Ok(verify_itself(end_entity, host, now).map(|()| ServerCertVerified::assertion())?);
        }
        let outcome = match &self.by_authority {
            Some(verifier) => verifier.verify_server_cert(end_entity, intermediates, host, ocsp_response, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        match outcome {
            Err(Error::InvalidCertificate(error)) => Err(Untrusted::explain(&error, end_entity, host, now).into()),
            outcome => outcome,
        }
    }

    check_signatures!(provider);
}
