//! Certificates and keys in files, as people have them: PEM, also with a byte order mark or in UTF-16 as Windows writes it, or DER.

use anyhow::{Context, Result, bail};
use image_service_config::regular_file::{self, MAX_CERTIFICATES, MAX_SECRET};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::borrow::Cow;
use std::path::Path;
use zeroize::Zeroizing;

/// The first bytes of a certificate or a key in DER, if it has 128 bytes or more.
const DER: [&[u8]; 2] = [&[0x30, 0x81], &[0x30, 0x82]];

/// The certificates in a file, at least one. `key` names the file in errors.
pub(super) fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let named = || format!("{key} {}", path.display());
    let bytes = regular_file::read(path, MAX_CERTIFICATES).with_context(|| format!("{} can't be read", named()))?;
    if is_der(&bytes) {
        return Ok(vec![bytes.to_vec().into()]);
    }
    let found = CertificateDer::pem_slice_iter(&text(&bytes)).collect::<Result<Vec<_>, _>>();
    let Ok(found) = found else { bail!("{} holds a damaged certificate; write it anew", named()) };
    if found.is_empty() {
        bail!("{} holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----", named());
    }
    Ok(found)
}

/// The private key in a file. `key` names the file in errors.
pub(super) fn private_key(key: &str, path: &Path) -> Result<PrivateKeyDer<'static>> {
    let named = || format!("{key} {}", path.display());
    let bytes = regular_file::read(path, MAX_SECRET).with_context(|| format!("{} can't be read", named()))?;
    let found = if is_der(&bytes) {
        PrivateKeyDer::try_from(bytes.to_vec()).ok()
    } else {
        let text = text(&bytes);
        let found = PrivateKeyDer::from_pem_slice(&text).ok();
        if let Cow::Owned(copy) = text {
            drop(Zeroizing::new(copy));
        }
        found
    };
    found.with_context(|| format!("{} holds no private key in PEM without a password", named()))
}

fn is_der(bytes: &[u8]) -> bool {
    DER.iter().any(|begin| bytes.starts_with(begin))
}

/// The text in UTF-8 without a byte order mark.
fn text(bytes: &[u8]) -> Cow<'_, [u8]> {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(rest),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Cow::Owned(image_model::text::decode(bytes).into_bytes()),
        _ => Cow::Borrowed(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";

    fn read(bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        Ok(certificates("ca_file", file.path())?.iter().map(|certificate| certificate.to_vec()).collect())
    }

    #[test]
    fn a_certificate_is_read_as_any_editor_of_windows_or_linux_writes_it() {
        let utf_16 =
            |unit: fn(u16) -> [u8; 2]| -> Vec<u8> { format!("\u{feff}{PEM}").encode_utf16().flat_map(unit).collect() };
        for bytes in [
            PEM.as_bytes().to_vec(),
            format!("\u{feff}{PEM}").into_bytes(),
            format!("Subject: x\r\n{}", PEM.replace('\n', "\r\n")).into_bytes(),
            utf_16(u16::to_le_bytes),
            utf_16(u16::to_be_bytes),
        ] {
            assert_eq!(read(&bytes).unwrap(), [[0x30, 0]], "{bytes:?}");
        }
        assert_eq!(read(&[0x30, 0x82, 1, 2]).unwrap(), [[0x30, 0x82, 1, 2]]);
    }

    #[test]
    fn what_is_no_certificate_is_told_in_words() {
        assert!(read(b"hello").unwrap_err().to_string().contains("-----BEGIN CERTIFICATE-----"));
        assert!(read(&PEM.as_bytes()[..40]).unwrap_err().to_string().contains("damaged"));
    }
}
