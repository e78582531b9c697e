//! Whom the system and the environment trust: `SSL_CERT_FILE` and `SSL_CERT_DIR` in place of the system's authorities, as OpenSSL
//! does; `REQUESTS_CA_BUNDLE` and `CURL_CA_BUNDLE`, which Python and curl know, besides them.

use super::pem;
use rustls::pki_types::CertificateDer;
use std::path::{Path, PathBuf};

const IN_PLACE: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];
const BESIDES: [&str; 2] = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];

/// All their certificates. Logs which variable names a path that can't be read.
pub(super) fn trusted() -> Vec<CertificateDer<'static>> {
    let variable = |name: &'static str| {
        let path = std::env::var_os(name).filter(|path| !path.is_empty())?;
        Some((name, path))
    };
    let named: Vec<_> = IN_PLACE.into_iter().filter_map(variable).collect();
    let system = || rustls_native_certs::load_native_certs().certs;
    let mut certificates = if named.is_empty() { system() } else { Vec::new() };
    for (name, paths) in named.into_iter().chain(BESIDES.into_iter().filter_map(variable)) {
        // OpenSSL reads several folders; a file may be called so as well.
        let paths: Vec<PathBuf> =
            if name == "SSL_CERT_DIR" { std::env::split_paths(&paths).collect() } else { vec![paths.into()] };
        for path in paths {
            match read(name, &path) {
                Ok(found) => certificates.extend(found),
                Err(error) => tracing::warn!("a variable has no effect: {error:#}"),
            }
        }
    }
    certificates
}

/// The certificates of a file, or of the files in a folder.
fn read(name: &str, path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    if path.is_dir() {
        return Ok(rustls_native_certs::load_certs_from_paths(None, Some(path)).certs);
    }
    pem::certificates(name, path)
}
