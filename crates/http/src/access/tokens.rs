//! Bearer tokens (RFC 6750) from a file. Only their digests stay in memory.

use crate::hex::unhex;
use crate::reloadable::Withdrawn;
use anyhow::{Context, Result, bail};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use image_service_config::regular_file::{self, MAX_TOKENS};
use sha2::{Digest, Sha256};
use std::path::Path;
use subtle::{Choice, ConstantTimeEq};

/// The prefix of a line with a token's SHA-256 in hexadecimal instead of the token.
const HASH_PREFIX: &str = "sha256:";
/// The length in bytes below which a token is easy to guess.
const MIN_TOKEN_BYTES: usize = 16;

/// The tokens of one file.
#[derive(Debug)]
pub(crate) struct Tokens {
    digests: Vec<[u8; 32]>,
    /// The numbers of lines with a short token.
    weak: Vec<usize>,
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
        let tokens = Self::parse(&text).with_context(named)?;
        if tokens.digests.is_empty() {
            bail!(Withdrawn(format!("{} holds no token; `openssl rand -hex 32` makes one", named())));
        }
        Ok(tokens)
    }

    /// No token, so that nobody is let in.
    pub(crate) fn none() -> Self {
        Self { digests: Vec::new(), weak: Vec::new() }
    }

    /// One token a line, plain or as `sha256:` and its digest. Blank lines and lines that begin with `#` are ignored.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut tokens = Self::none();
        for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let digest = match line.strip_prefix(HASH_PREFIX) {
                Some(hex) => unhex(hex.trim()).and_then(|bytes| bytes.try_into().ok()).with_context(|| {
                    format!("line {number} holds no digest: 64 hexadecimal digits are needed after sha256:")
                })?,
                None if line.chars().all(|c| c.is_ascii_graphic()) => {
                    if line.len() < MIN_TOKEN_BYTES {
                        tokens.weak.push(number);
                    }
                    Sha256::digest(line).into()
                }
                None => bail!("line {number} holds no token: printable ASCII without spaces is needed"),
            };
            tokens.digests.push(digest);
        }
        Ok(tokens)
    }

    /// The number of tokens.
    pub(crate) fn len(&self) -> usize {
        self.digests.len()
    }

    /// The numbers of lines with a short token.
    pub(crate) fn weak(&self) -> &[usize] {
        &self.weak
    }

    /// The SHA-256 of each token.
    pub(super) fn digests(&self) -> &[[u8; 32]] {
        &self.digests
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
        self.digests.iter().fold(Choice::from(0), |found, known| found | matches(known)).into()
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
    fn each_line_is_a_token_plain_or_hashed() {
        let hashed = PASSWORD.to_uppercase();
        let text = format!("\u{feff}# for the dashboard\r\nfirst-token-of-two\r\n\n  sha256:{hashed}  \n");
        let tokens = Tokens::parse(&text).unwrap();
        assert_eq!((tokens.len(), tokens.weak()), (2, &[][..]));
        for token in ["Bearer first-token-of-two", "bearer password", "BEARER  password "] {
            assert!(allowed(&tokens, &[token]), "{token}");
        }
    }

    #[test]
    fn every_other_authorization_is_refused() {
        let tokens = Tokens::parse(&format!("s3cret\nsha256:{PASSWORD}")).unwrap();
        let hashed = format!("Bearer sha256:{PASSWORD}");
        for value in ["Bearer", "Bearer ", "Bearer S3cret", "Bearer s3cret2", "Basic s3cret", "s3cret", &hashed] {
            assert!(!allowed(&tokens, &[value]), "{value}");
        }
        assert!(!allowed(&tokens, &[]));
        assert!(!allowed(&tokens, &["Bearer s3cret", "Bearer s3cret"]), "two headers are ambiguous");
    }

    #[test]
    fn an_error_names_a_bad_line_by_its_number_and_does_not_repeat_it() {
        for (text, expected) in [
            ("good\nbad token", "line 2 holds no token"),
            ("sha256:12", "line 1 holds no digest"),
            (&format!("sha256:{}", "+f".repeat(32)), "line 1 holds no digest"),
        ] {
            let error = format!("{:#}", Tokens::parse(text).unwrap_err());
            assert!(error.contains(expected) && !error.contains("bad token"), "{error}");
        }
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
        assert_eq!(Tokens::parse("0123456789abcdef\nshort\n").unwrap().weak(), [2]);
    }

    #[test]
    fn debug_output_holds_no_token() {
        assert!(!format!("{:?}", Tokens::parse("s3cret").unwrap()).contains("s3cret"));
    }
}
