//! Bearer tokens (RFC 6750) from a file. Only their digests stay in memory.

use super::session_key::SessionKey;
use crate::reloadable::Withdrawn;
use anyhow::{Context, Result, bail};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use image_service_config::TokenFile;
use image_service_config::regular_file::{self, MAX_TOKENS};
use sha2::{Digest, Sha256};
use std::path::Path;
use subtle::{Choice, ConstantTimeEq};

/// The tokens of one file.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    file: TokenFile,
    /// The key for sessions of each.
    session_keys: Vec<SessionKey>,
}

impl From<TokenFile> for Tokens {
    fn from(file: TokenFile) -> Self {
        // A digest is as long as a key needs it.
        let session_keys = file.digests.iter().filter_map(SessionKey::of).collect();
        Self { file, session_keys }
    }
}

impl Tokens {
    /// Reads a file. `key` is the configuration key that names it.
    ///
    /// # Errors
    ///
    /// [`Withdrawn`] when there is no file, or no token in it; other errors when it can't be read, or has a line that is no token.
    /// No error repeats a line.
    pub(crate) fn read(key: &str, path: &Path) -> Result<Self> {
        let named = || format!("{key} {}", path.display());
        // The text is wiped from memory when it is dropped.
        let text = match regular_file::absent(regular_file::read_text(path, MAX_TOKENS)) {
            Ok(Some(text)) => text,
            Ok(None) => bail!(Withdrawn(format!("{} can't be read: there is no such file", named()))),
            Err(error) => return Err(error).with_context(|| format!("{} can't be read", named())),
        };
        let tokens = TokenFile::parse(&text).with_context(named)?;
        if tokens.digests.is_empty() {
            bail!(Withdrawn(format!("{} holds no token; `openssl rand -hex 32` makes one", named())));
        }
        Ok(tokens.into())
    }

    /// No token, so that nobody is let in.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// The tokens of this text.
    #[cfg(test)]
    pub(super) fn of(text: &str) -> Self {
        TokenFile::parse(text).unwrap().into()
    }

    /// The number of tokens.
    pub(crate) fn len(&self) -> usize {
        self.file.digests.len()
    }

    /// The numbers of lines with a short token.
    pub(crate) fn weak(&self) -> &[usize] {
        &self.file.weak
    }

    /// The key for sessions of each token, and the token's SHA-256.
    pub(super) fn session_keys(&self) -> impl Iterator<Item = (&SessionKey, &[u8; 32])> {
        self.session_keys.iter().zip(&self.file.digests)
    }

    /// Whether a request carries one of the tokens, and no other authorization.
    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        let Some((scheme, token)) = value.to_str().ok().and_then(|value| value.split_once(' ')) else { return false };
        if !scheme.eq_ignore_ascii_case("bearer") {
            return false;
        }
        self.holds(token.trim())
    }

    /// Whether this is one of the tokens. Compares with every token, each in constant time, so that the duration reveals nothing
    /// but the number of tokens.
    pub(super) fn holds(&self, token: &str) -> bool {
        let digest = Sha256::digest(token);
        let matches = |known: &[u8; 32]| known.ct_eq(digest.as_slice());
        self.file.digests.iter().fold(Choice::from(0), |found, known| found | matches(known)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    /// The SHA-256 of `password`, as `printf password | sha256sum` prints it.
    const PASSWORD: &str = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";

    fn allowed(tokens: &Tokens, values: &[&str]) -> bool {
        let values = values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_str(value).unwrap()));
        tokens.allow(&values.collect())
    }

    #[test]
    fn a_token_of_the_file_is_let_in_in_any_spelling_of_its_scheme() {
        let tokens = Tokens::of(&format!("first-token-of-two\nsha256:{PASSWORD}\n"));
        for token in ["Bearer first-token-of-two", "bearer password", "BEARER  password "] {
            assert!(allowed(&tokens, &[token]), "{token}");
        }
    }

    #[test]
    fn every_other_authorization_is_refused() {
        let tokens = Tokens::of(&format!("s3cret\nsha256:{PASSWORD}"));
        let hashed = format!("Bearer sha256:{PASSWORD}");
        for value in ["Bearer", "Bearer ", "Bearer S3cret", "Bearer s3cret2", "Basic s3cret", "s3cret", &hashed] {
            assert!(!allowed(&tokens, &[value]), "{value}");
        }
        assert!(!allowed(&tokens, &[]));
        assert!(!allowed(&tokens, &["Bearer s3cret", "Bearer s3cret"]), "two headers are ambiguous");
    }

    #[test]
    fn a_file_without_a_token_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for text in ["", "# none\n\n"] {
            std::fs::write(file.path(), text).unwrap();
            let error = format!("{:#}", Tokens::read("a.key", file.path()).unwrap_err());
            assert!(error.starts_with("a.key /") && error.contains(" holds no token; "), "{error}");
        }
    }

    #[test]
    fn the_lines_of_short_tokens_are_reported() {
        assert_eq!(Tokens::of("0123456789abcdef\nshort\n").weak(), [2]);
    }

    #[test]
    fn debug_output_holds_no_token() {
        assert!(!format!("{:?}", Tokens::of("s3cret")).contains("s3cret"));
    }
}
