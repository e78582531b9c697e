//! The servers that the program trusts as a client: those with a certificate of the system's authorities or of the operator's
//! own, or, with `verify_ssl: false`, every server.

use super::signatures::check_signatures;
use super::verifier::Verifier;
use super::{authorities, pem, provider};
use anyhow::{Context, Result};
use rustls::ClientConfig;
use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};
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
    Trust::read(verify, ca_file)?.config()
}

/// The certificates that the program trusts as a client at this moment.
pub struct Trust {
    /// The system's, and those of `ca_file`; `None` where every server is trusted.
    certificates: Option<[Vec<CertificateDer<'static>>; 2]>,
    /// Where the second ones are from.
    ca_file: String,
}

impl Trust {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// When `ca_file` can't be read or holds no certificate.
    pub fn read(verify: bool, ca_file: Option<CaFile<'_>>) -> Result<Self> {
        let named = ca_file.map(|(key, path)| format!("{key} {}", path.display())).unwrap_or_default();
        if !verify {
            return Ok(Self { certificates: None, ca_file: named });
        }
        let own = ca_file.map(|(key, path)| pem::certificates(key, path)).transpose()?;
        Ok(Self { certificates: Some([authorities::trusted(), own.unwrap_or_default()]), ca_file: named })
    }

    /// The same for the same certificates.
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for certificates in self.certificates.iter().flatten() {
            digest.update(certificates.len().to_be_bytes());
            certificates.iter().for_each(|certificate| digest.update(Sha256::digest(certificate)));
        }
        digest.finalize().into()
    }

    /// The configuration of connections.
    ///
    /// # Errors
    ///
    /// When a certificate of `ca_file` can't be used.
    pub fn config(self) -> Result<ClientConfig> {
        let provider = provider();
        let builder =
            ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        let verifier: Arc<dyn ServerCertVerifier> = match self.certificates {
            Some([system, own]) => Arc::new(Verifier::new(provider, system, own).context(self.ca_file)?),
            None => Arc::new(TrustAll(provider)),
        };
        Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
    }
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

    check_signatures!(0);
}
