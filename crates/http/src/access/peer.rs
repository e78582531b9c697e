//! The client at the other end of a connection.

use crate::tls::ClientAuthorities;
use std::net::IpAddr;

/// The client at the other end of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peer {
    /// Its address, or that of a proxy in front; `None` for a Unix socket.
    pub address: Option<IpAddr>,
    /// Whether the connection is TLS.
    pub over_tls: bool,
    /// The authorities of which it had to show a certificate.
    pub authorities: ClientAuthorities,
}
