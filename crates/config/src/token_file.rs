//! The text of a file of bearer tokens (RFC 6750): one a line. Only their digests leave it.

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

/// The prefix of a line with a token's SHA-256 in hexadecimal instead of the token.
const HASH_PREFIX: &str = "sha256:";
/// The length in bytes below which a token is easy to guess.
const MIN_TOKEN_BYTES: usize = 16;

/// What a file of tokens holds.
#[derive(Debug, Default)]
pub struct TokenFile {
    /// The SHA-256 of each token.
    pub digests: Vec<[u8; 32]>,
    /// The numbers of lines with a short token.
    pub weak: Vec<usize>,
}

impl TokenFile {
    /// One token a line, plain or as `sha256:` and its digest. Blank lines and lines that begin with `#` are ignored.
    ///
    /// # Errors
    ///
    /// When a line is no token. The error names it by its number, and does not repeat it.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut tokens = Self::default();
        for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let digest = match line.strip_prefix(HASH_PREFIX) {
                Some(hex) => digest(hex.trim()).with_context(|| {
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
            if digest == <[u8; 32]>::from(Sha256::digest("")) {
                bail!(
                    "line {number} holds the digest of an empty token, which would let everybody in; hash the token again"
                );
            }
            tokens.digests.push(digest);
        }
        Ok(tokens)
    }
}

/// The bytes of a digest in hexadecimal digits.
fn digest(hex: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let decoded = base16ct::mixed::decode(hex, &mut digest).ok()?.len();
    (decoded == digest.len()).then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The SHA-256 of `password`, as `printf password | sha256sum` prints it.
    const PASSWORD: &str = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";

    #[test]
    fn each_line_is_a_token_plain_or_hashed() {
        let hashed = PASSWORD.to_uppercase();
        let text = format!("\u{feff}# for the dashboard\r\nfirst-token-of-two\r\n\n  sha256:{hashed}  \npassword");
        let tokens = TokenFile::parse(&text).unwrap();
        assert_eq!((tokens.digests.len(), tokens.weak), (3, vec![5]));
        assert!(tokens.digests[0] != tokens.digests[1] && tokens.digests[1] == tokens.digests[2]);
    }

    #[test]
    fn an_error_names_a_bad_line_by_its_number_and_does_not_repeat_it() {
        for (text, expected) in [
            ("good\nbad token", "line 2 holds no token"),
            ("sha256:12", "line 1 holds no digest"),
            ("sha256:", "line 1 holds no digest"),
            // As `printf "$TOKEN" | sha256sum` prints it where there is no such variable.
            (
                "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "line 1 holds the digest of an empty token",
            ),
            (&format!("sha256:{PASSWORD}00"), "line 1 holds no digest"),
            (&format!("sha256:{}", "+f".repeat(32)), "line 1 holds no digest"),
        ] {
            let error = format!("{:#}", TokenFile::parse(text).unwrap_err());
            assert!(error.contains(expected) && !error.contains("bad token"), "{error}");
        }
    }
}
