//! Text that is never shown, and that is wiped from memory when it is dropped; and the files that hold such text.

use anyhow::{Context, Result, bail};
use secrecy::{ExposeSecret, SecretString};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use zeroize::Zeroizing;

/// Text that is never shown.
#[derive(Clone, Default)]
pub struct Secret(SecretString);

impl Secret {
    /// The text itself; what it is used for should make clear that it goes nowhere else.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.reveal().is_empty()
    }

    /// The text of a file, without the end of its last line. `key` is what names the file, for messages; a file that
    /// everybody may read is a warning.
    ///
    /// # Errors
    ///
    /// When the file can't be read, is no UTF-8, or is empty.
    pub fn of_file(key: &str, path: &Path, warnings: &mut Vec<String>) -> Result<Self> {
        let named = || format!("{key} {}", path.display());
        let bytes = std::fs::read(path).map(Zeroizing::new).with_context(|| format!("{} can't be read", named()))?;
        // The error of a conversion would carry the bytes.
        let Ok(text) = std::str::from_utf8(&bytes) else { bail!("{} is no UTF-8 text", named()) };
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            bail!("{} is empty; write the secret into it", named());
        }
        warnings.extend(read_by_all(&named(), path));
        Ok(Self::from(text))
    }
}

/// A warning where everybody on this machine may read a file that holds a secret.
pub(crate) fn read_by_all(named: &str, path: &Path) -> Option<String> {
    let mode = std::fs::metadata(path).ok()?.mode() & 0o7777;
    (mode & 0o004 != 0).then(|| {
        let path = path.display();
        format!(
            "{named} holds a secret and may be read by everybody on this machine (mode {mode:04o}); chmod 600 {path}"
        )
    })
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        // Its capacity is what gets wiped: into a box, a larger one would be copied and its first place left as it is.
        let text = Zeroizing::new(text);
        Self::from(text.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As any value: for a string alone, an error about a number would repeat the number.
        deserializer.deserialize_any(Text)
    }
}

/// Reads a string, and never repeats what else there is.
struct Text;

fn hidden<E: Error>() -> E {
    E::custom("invalid type, expected a string in quotes; what stands there is not shown, as it may be the secret")
}

impl<'de> Visitor<'de> for Text {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::from(text))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Secret, E> {
        Ok(Secret::from(text))
    }

    fn visit_unit<E: Error>(self) -> Result<Secret, E> {
        Ok(Secret::default())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Secret, E> {
        Err(hidden())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Secret, E> {
        Err(hidden())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Secret, E> {
        Err(hidden())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Secret, E> {
        Err(hidden())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Secret, A::Error> {
        Err(hidden())
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Secret, A::Error> {
        Err(hidden())
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

    /// What a file of this text and mode comes to, and the warnings.
    fn of_file(text: &[u8], mode: u32) -> (Result<String>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let mut warnings = Vec::new();
        let secret = Secret::of_file("key", &path, &mut warnings);
        (secret.map(|secret| secret.reveal().to_owned()), warnings)
    }

    #[test]
    fn the_end_of_the_last_line_is_no_part_of_the_secret() {
        for text in ["s3 cret\n", "s3 cret\r\n", "s3 cret"] {
            assert_eq!(of_file(text.as_bytes(), 0o600).0.unwrap(), "s3 cret");
        }
        assert_eq!(of_file(b"s3cret \n\n", 0o600).0.unwrap(), "s3cret \n");
    }

    #[test]
    fn an_empty_or_unreadable_file_is_refused_without_its_text() {
        assert!(of_file(b"\n", 0o600).0.unwrap_err().to_string().ends_with("is empty; write the secret into it"));
        let error = format!("{:#}", of_file(b"s3cret\xff", 0o600).0.unwrap_err());
        assert!(error.contains("no UTF-8") && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn a_file_that_everybody_may_read_is_a_warning_with_the_remedy() {
        assert_eq!(of_file(b"s3cret", 0o640).1, [""; 0]);
        let warnings = of_file(b"s3cret", 0o644).1;
        assert!(matches!(&warnings[..], [w] if w.contains("(mode 0644)") && w.contains("chmod 600 /")), "{warnings:?}");
    }
}
