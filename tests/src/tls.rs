//! A certificate authority of the tests' own, and what it signs.

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P521_SHA512, SignatureAlgorithm, date_time_ymd,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::path::Path;
use std::sync::Arc;

/// An authority that no system trusts.
pub struct Authority {
    pem: String,
    /// Of its keys, and of those of its servers.
    algorithm: &'static SignatureAlgorithm,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new one.
    ///
    /// # Errors
    ///
    /// When no key can be made.
    pub fn new() -> Result<Self> {
        Self::with(&PKCS_ECDSA_P256_SHA256)
    }

    fn with(algorithm: &'static SignatureAlgorithm) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Image Service's tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate_for(algorithm)?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { pem, algorithm, issuer: Issuer::new(params, key) })
    }

    /// One whose keys, and those of its servers, are on the curve P-521.
    ///
    /// # Errors
    ///
    /// When no key can be made.
    pub fn on_p_521() -> Result<Self> {
        Self::with(&PKCS_ECDSA_P521_SHA512)
    }

    /// Writes its certificate, as `ca_file` names it.
    ///
    /// # Errors
    ///
    /// When the file can't be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        std::fs::write(path, &self.pem).with_context(|| format!("writing {}", path.display()))
    }

    /// A server with a certificate for these names and addresses, which offers HTTP/2 and HTTP/1.1.
    ///
    /// # Errors
    ///
    /// When a name is none.
    pub fn server(&self, names: &[&str]) -> Result<ServerConfig> {
        self.sign(CertificateParams::new(owned(names))?)
    }

    /// The same, but only for clients with a certificate of this authority.
    ///
    /// # Errors
    ///
    /// When a name is none.
    pub fn server_for_known_clients(&self, names: &[&str]) -> Result<ServerConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes())?)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?;
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(owned(names))?.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(builder.with_client_cert_verifier(verifier).with_single_cert(vec![certificate.der().clone()], key)?)
    }

    /// The same with a certificate that was good until the year 2001.
    ///
    /// # Errors
    ///
    /// When a name is none.
    pub fn expired_server(&self, names: &[&str]) -> Result<ServerConfig> {
        let mut params = CertificateParams::new(owned(names))?;
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
        self.sign(params)
    }

    /// Writes a certificate for these names and addresses, and its key, as `tls_certificate` and `tls_key` name them.
    ///
    /// # Errors
    ///
    /// When a name is none, or a file can't be written.
    pub fn issue(&self, names: &[&str], certificate: &Path, key: &Path) -> Result<()> {
        let params = CertificateParams::new(owned(names))?;
        let pair = KeyPair::generate()?;
        let signed = params.signed_by(&pair, &self.issuer)?;
        std::fs::write(certificate, signed.pem()).with_context(|| format!("writing {}", certificate.display()))?;
        std::fs::write(key, pair.serialize_pem()).with_context(|| format!("writing {}", key.display()))
    }

    /// A client that trusts this authority and no other, with a certificate of its own where there is one to show, and
    /// speaks one of these protocols (ALPN).
    ///
    /// # Errors
    ///
    /// When a file can't be read.
    pub fn client(&self, identity: Option<(&Path, &Path)>, protocols: &[&str]) -> Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes())?)?;
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => builder.with_client_auth_cert(
                vec![CertificateDer::from_pem_file(certificate)?],
                PrivateKeyDer::from_pem_file(key)?,
            )?,
        };
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(config)
    }

    fn sign(&self, params: CertificateParams) -> Result<ServerConfig> {
        let key = KeyPair::generate_for(self.algorithm)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        serving(certificate.der().clone(), key.serialize_der())
    }
}

/// A server with a certificate that is its own authority, as `openssl req -x509` makes it, for these names. It writes the
/// certificate to `path`.
///
/// # Errors
///
/// When a name is none, or the file can't be written.
pub fn self_signed(names: &[&str], path: &Path) -> Result<ServerConfig> {
    self_signed_until(names, path, 2100)
}

/// The same with a certificate that was good until the year 2001.
///
/// # Errors
///
/// When a name is none, or the file can't be written.
pub fn expired_self_signed(names: &[&str], path: &Path) -> Result<ServerConfig> {
    self_signed_until(names, path, 2001)
}

fn self_signed_until(names: &[&str], path: &Path, year: i32) -> Result<ServerConfig> {
    let mut params = CertificateParams::new(owned(names))?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "on-premise");
    (params.not_before, params.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(year, 1, 1));
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    std::fs::write(path, certificate.pem()).with_context(|| format!("writing {}", path.display()))?;
    serving(certificate.der().clone(), key.serialize_der())
}

/// A server with the certificate and the key of these files.
///
/// # Errors
///
/// When they can't be read.
pub fn server_of_files(certificate: &Path, key: &Path) -> Result<ServerConfig> {
    let key = PrivateKeyDer::from_pem_file(key)?;
    serving(CertificateDer::from_pem_file(certificate)?, key.secret_der().to_vec())
}

fn serving(certificate: CertificateDer<'static>, key: Vec<u8>) -> Result<ServerConfig> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key)))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
