//! TLS by rustls with aws-lc-rs: the listener's certificate, and the servers that the program trusts as a client.
//!
//! - `pem`: certificates and keys in files;
//! - `authorities`: whom the system and the environment trust;
//! - `verifier`: whether a server's certificate is trusted; `certificate` and `untrusted` say in words why not;
//! - `signatures`: the part of a handshake that all verifiers check alike;
//! - `offer`: what a server offers that shares nothing with this program.

mod authorities;
mod certificate;
pub mod client;
mod offer;
mod pem;
pub(crate) mod server;
mod signatures;
mod untrusted;
mod verifier;

pub use offer::{Offer, ask as ask_for_offer};
pub use server::ClientAuthorities;
pub use untrusted::{Distrust, Untrusted};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use std::sync::Arc;

/// The cryptography of all connections. Unlike ring, it has P-521, P-384 with SHA-512, and a key exchange that a quantum computer
/// can't undo later.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
