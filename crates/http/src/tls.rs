//! TLS by rustls with ring: the listener's certificate, and the servers that the program trusts as a client.

pub mod client;
pub(crate) mod server;
