//! The key for sessions of one token: made from the token's digest, it encrypts the token (AEAD).

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

/// Keeps this use of a token's digest apart from any other.
const PURPOSE: &[u8] = b"image-service session 1";

/// The key for sessions of one token. To make it costs more than to use it.
#[derive(Debug)]
pub(super) struct SessionKey(LessSafeKey);

impl SessionKey {
    /// The key of the token with this digest.
    pub(super) fn of(digest: &[u8; 32]) -> Option<Self> {
        let key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, digest), PURPOSE);
        Some(Self(LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key.as_ref()).ok()?)))
    }

    /// Encrypts a token, for a session that expires then. The nonce is for this once.
    pub(super) fn seal(&self, token: &[u8], nonce: [u8; NONCE_LEN], expires: u64) -> Option<Vec<u8>> {
        let mut sealed = token.to_vec();
        let with = Nonce::assume_unique_for_key(nonce);
        self.0.seal_in_place_append_tag(with, Aad::from(expires.to_be_bytes()), &mut sealed).ok()?;
        Some(sealed)
    }

    /// Whether this was sealed with this key, and the token in it is the right one.
    pub(super) fn opens(
        &self,
        sealed: &[u8],
        nonce: [u8; NONCE_LEN],
        expires: u64,
        is_right: impl FnOnce(&[u8]) -> bool,
    ) -> bool {
        let mut opened = Zeroizing::new(sealed.to_vec());
        let with = Nonce::assume_unique_for_key(nonce);
        let token = self.0.open_in_place(with, Aad::from(expires.to_be_bytes()), &mut opened);
        token.is_ok_and(|token| is_right(token))
    }
}
