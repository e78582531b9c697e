//! TLS of the listener: its certificate, and the authorities of client certificates.

use super::signatures::check_signatures;
use super::{pem, provider};
use crate::reloadable::Withdrawn;
use anyhow::{Context, Result, bail};
use image_service_config::Tls;
use image_service_config::regular_file;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{CertificateError, DistinguishedName, Error, RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;

/// The protocols over TLS, preferred first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The authorities of which a client needs a certificate, as a digest; `None` where it needs none.
pub type ClientAuthorities = Option<[u8; 32]>;

/// TLS of the listener.
#[derive(Debug)]
pub(crate) struct ListenerTls {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) clients: ClientAuthorities,
}

/// Reads the files.
///
/// # Errors
///
/// [`Withdrawn`] when `client_ca` is gone or empty; other errors when a file can't be read or is not PEM of its kind, or the key
/// does not belong to the certificate.
pub(crate) fn read(tls: &Tls) -> Result<ListenerTls> {
    let provider = provider();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let (builder, clients) = match &tls.client_ca {
        None => (builder.with_no_client_auth(), None),
        Some(path) => {
            let named = || format!("access_config.client_ca {}", path.display());
            if is_withdrawn(path) {
                bail!(Withdrawn(format!("{} holds no certificate: it is gone or empty", named())));
            }
            let (mut roots, mut digest) = (RootCertStore::empty(), Sha256::new());
            for certificate in certificates("client_ca", path)? {
                digest.update(Sha256::digest(&certificate));
                roots.add(certificate).with_context(named)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            (builder.with_client_cert_verifier(verifier.with_context(named)?), Some(digest.finalize().into()))
        }
    };
    let chain = certificates("tls_certificate", &tls.certificate)?;
    let key = pem::private_key("access_config.tls_key", &tls.key)?;
    let mut config = builder.with_single_cert(chain, key).with_context(|| {
        let (certificate, key) = (tls.certificate.display(), tls.key.display());
        format!("access_config.tls_certificate {certificate} and tls_key {key} can't be used together")
    })?;
    config.alpn_protocols = PROTOCOLS.map(Vec::from).into();
    if clients.is_some() {
        // A session that is taken up again would outlive the certificate with which it began.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(ListenerTls { config: Arc::new(config), clients })
}

/// Whether there is no file, or nothing in it.
fn is_withdrawn(path: &Path) -> bool {
    match regular_file::absent(regular_file::read(path, regular_file::MAX_CERTIFICATES)) {
        Ok(found) => found.is_none_or(|bytes| bytes.trim_ascii().is_empty()),
        Err(_) => false,
    }
}

/// The same certificate, for no client.
///
/// # Errors
///
/// When rustls does not take it.
pub(crate) fn without_clients(ListenerTls { config, .. }: &ListenerTls) -> Result<ListenerTls> {
    let provider = provider();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = builder.with_client_cert_verifier(Arc::new(TrustNobody(provider)));
    let mut closed = builder.with_cert_resolver(Arc::clone(&config.cert_resolver));
    closed.alpn_protocols.clone_from(&config.alpn_protocols);
    // Of no authority.
    Ok(ListenerTls { config: Arc::new(closed), clients: Some([0; 32]) })
}

/// Trusts no client's certificate.
#[derive(Debug)]
struct TrustNobody(Arc<CryptoProvider>);

impl ClientCertVerifier for TrustNobody {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Err(CertificateError::UnknownIssuer.into())
    }

    check_signatures!(0);
}

fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    pem::certificates(&format!("access_config.{key}"), path)
}
