//! The servers that the program trusts as a client: those with a certificate of the system's authorities or of the operator's
//! own, or, with `verify_ssl: false`, every server.

use super::verifier::Verifier;
use super::{authorities, pem, provider};
use anyhow::{Context, Result};
use rustls::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use std::path::Path;
use std::sync::Arc;

/// The key or variable that names a file with certificates, and that file.
pub type CaFile<'a> = (&'a str, &'a Path);

/// Trusts the system's authorities and those of `ca_file`; without `verify`, every server.
///
/// # Errors
///
/// When `ca_file` can't be read or holds no certificate.
pub fn config(verify: bool, ca_file: Option<CaFile<'_>>) -> Result<ClientConfig> {
    let provider = provider();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let verifier: Arc<dyn ServerCertVerifier> = if verify {
        let own = ca_file.map(|(key, path)| pem::certificates(key, path)).transpose()?;
        let verifier = Verifier::new(provider, authorities::trusted(), own.unwrap_or_default());
        Arc::new(
            verifier
                .with_context(|| ca_file.map(|(key, path)| format!("{key} {}", path.display())).unwrap_or_default())?,
        )
    } else {
        Arc::new(TrustAll(provider))
    };
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Trusts every certificate, for `verify_ssl: false`. It still checks signatures.
#[derive(Debug)]
struct TrustAll(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
