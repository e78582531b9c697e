//! TLS of the listener: its certificate, and the authorities of client certificates.

use super::{pem, provider};
use anyhow::{Context, Result};
use image_service_config::Tls;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::path::Path;
use std::sync::Arc;

/// The protocols over TLS, preferred first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Reads the files.
///
/// # Errors
///
/// When a file can't be read or is not PEM of its kind, or the key does not belong to the certificate.
pub(crate) fn read(tls: &Tls) -> Result<ServerConfig> {
    let provider = provider();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match &tls.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let named = || format!("access_config.client_ca {}", path.display());
            let mut roots = RootCertStore::empty();
            for certificate in certificates("client_ca", path)? {
                roots.add(certificate).with_context(named)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.with_context(named)?)
        }
    };
    let chain = certificates("tls_certificate", &tls.certificate)?;
    let key = pem::private_key("access_config.tls_key", &tls.key)?;
    let mut config = builder.with_single_cert(chain, key).with_context(|| {
        let (certificate, key) = (tls.certificate.display(), tls.key.display());
        format!("access_config.tls_certificate {certificate} and tls_key {key} can't be used together")
    })?;
    config.alpn_protocols = PROTOCOLS.map(Vec::from).into();
    Ok(config)
}

fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    pem::certificates(&format!("access_config.{key}"), path)
}
