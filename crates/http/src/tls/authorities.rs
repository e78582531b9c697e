//! Whom the system and the environment trust: `SSL_CERT_FILE` and `SSL_CERT_DIR` in place of the system's authorities, as OpenSSL
//! does; `REQUESTS_CA_BUNDLE` and `CURL_CA_BUNDLE`, which Python and curl know, besides them.

use super::pem;
use anyhow::Context;
use image_service_config::regular_file;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::{Path, PathBuf};

const IN_PLACE: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];
const BESIDES: [&str; 2] = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];
/// Most files of a folder of authorities. Those of systems have some hundreds, most of them twice.
const MAX_FILES: usize = 10_000;
/// Names the system's authorities, wherever the system has them.
const SYSTEM: &str = "/etc/ssl";

/// All their certificates. Logs which variable names a path that can't be read.
pub(super) fn trusted() -> Vec<CertificateDer<'static>> {
    let variable = |name: &'static str| {
        let path = std::env::var_os(name).filter(|path| !path.is_empty())?;
        Some((name, path))
    };
    let named: Vec<_> = IN_PLACE.into_iter().filter_map(variable).collect();
    let mut certificates = if named.is_empty() { of_system() } else { Vec::new() };
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
    let can_not = || format!("{name} {} can't be read", path.display());
    if !regular_file::metadata(path).with_context(can_not)?.is_dir() {
        return pem::certificates(name, path);
    }
    let folder = path.to_owned();
    let files = regular_file::within_limit(path, move || {
        let entries = std::fs::read_dir(folder)?.take(MAX_FILES);
        entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()
    });
    // Whatever else is in the folder does not count.
    let files = files.with_context(can_not)?.into_iter();
    let read = files.filter_map(|file| regular_file::read(&file, regular_file::MAX_CERTIFICATES).ok());
    Ok(read.flat_map(|bytes| CertificateDer::pem_slice_iter(&bytes).flatten().collect::<Vec<_>>()).collect())
}

/// Those that the system trusts. Where its folder does not answer, none.
fn of_system() -> Vec<CertificateDer<'static>> {
    let read = regular_file::within_limit(Path::new(SYSTEM), || Ok(rustls_native_certs::load_native_certs().certs));
    read.unwrap_or_else(|error| {
        tracing::warn!("the authorities that the system trusts can't be read: {error}");
        Vec::new()
    })
}
