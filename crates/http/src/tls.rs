//! TLS by rustls with ring: what the listener presents, and whom clients of the program trust.

pub mod client;
pub(crate) mod server;
