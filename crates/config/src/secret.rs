//! Secret text, which is never shown and is wiped from memory when it is dropped, and the files that hold it.

use crate::reader::SECRET;
use crate::regular_file::{self, MAX_SECRET};
use anyhow::{Context, Result, bail};
use secrecy::{ExposeSecret, SecretString};
use serde::de::{Error, Visitor};
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use zeroize::Zeroizing;

/// Secret text. `Debug` does not show it.
#[derive(Clone, Default)]
pub struct Secret(SecretString);

impl Secret {
    /// The text itself. Callers must not copy it to a place that outlives its use.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.reveal().is_empty()
    }

    /// Reads a file, without the end of its last line. `key` names the file in messages. Adds a warning when everybody may
    /// read the file.
    ///
    /// # Errors
    ///
    /// When it is no regular file, can't be read, is no UTF-8, or is empty.
    pub fn from_file(key: &str, path: &Path, warnings: &mut Vec<String>) -> Result<Self> {
        let named = || format!("{key} {}", path.display());
        let bytes = regular_file::read(path, MAX_SECRET).with_context(|| format!("{} can't be read", named()))?;
        // The error of the conversion would hold the bytes.
        let Ok(text) = std::str::from_utf8(&bytes) else { bail!("{} is no UTF-8 text", named()) };
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            bail!("{} is empty; write the secret into it", named());
        }
        warnings.extend(world_readable_warning(&named(), path));
        Ok(Self::from(text))
    }
}

/// A warning when every user of this machine can read a file that holds a secret.
pub fn world_readable_warning(named: &str, path: &Path) -> Option<String> {
    let mode = regular_file::metadata(path).ok()?.mode() & 0o7777;
    (mode & 0o004 != 0).then(|| {
        let path = path.display();
        format!(
            "{named} holds a secret, and every user of this machine can read it (mode {mode:04o}); chmod 600 {path}"
        )
    })
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.reveal() == other.reveal()
    }
}

impl Eq for Secret {}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        // `Zeroizing` wipes the whole capacity. Boxing a string with spare capacity would move it and leave the old copy.
        let text = Zeroizing::new(text);
        Self::from(text.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The name has the reader show no value of it.
        deserializer.deserialize_newtype_struct(SECRET, SecretVisitor)
    }
}

/// Accepts a string.
struct SecretVisitor;

impl Visitor<'_> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::from(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "(none)" } else { "(secret)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// The secret in a file of this text and mode, and the warnings.
    fn read(text: &[u8], mode: u32) -> (Result<String>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let mut warnings = Vec::new();
        let secret = Secret::from_file("key", &path, &mut warnings);
        (secret.map(|secret| secret.reveal().to_owned()), warnings)
    }

    #[test]
    fn the_end_of_the_last_line_is_no_part_of_the_secret() {
        for text in ["s3 cret\n", "s3 cret\r\n", "s3 cret"] {
            assert_eq!(read(text.as_bytes(), 0o600).0.unwrap(), "s3 cret");
        }
        assert_eq!(read(b"s3cret \n\n", 0o600).0.unwrap(), "s3cret \n");
    }

    #[test]
    fn an_empty_or_unreadable_file_is_refused_without_its_text() {
        assert!(read(b"\n", 0o600).0.unwrap_err().to_string().ends_with("is empty; write the secret into it"));
        let error = format!("{:#}", read(b"s3cret\xff", 0o600).0.unwrap_err());
        assert!(error.contains("no UTF-8") && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn a_file_that_everybody_may_read_is_a_warning_with_the_remedy() {
        assert_eq!(read(b"s3cret", 0o640).1, [""; 0]);
        let warnings = read(b"s3cret", 0o644).1;
        assert!(matches!(&warnings[..], [w] if w.contains("(mode 0644)") && w.contains("chmod 600 /")), "{warnings:?}");
    }
}
