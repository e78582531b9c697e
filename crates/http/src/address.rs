//! Addresses that the server listens on.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// An address that the server listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An address and a port.
    Tcp(SocketAddr),
    /// A Unix socket's path.
    Unix(PathBuf),
}

impl Address {
    /// Whether only clients on this machine can reach it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_unix_sockets_are_local_and_everything_else_is_not() {
        let is_local = |address: &str| Address::Tcp(address.parse().unwrap()).is_local();
        for address in ["127.0.0.1:80", "127.9.9.9:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
            assert!(is_local(address), "{address}");
        }
        for address in ["0.0.0.0:80", "[::]:80", "10.0.0.1:80", "[fe80::1]:80", "[::ffff:10.0.0.1]:80"] {
            assert!(!is_local(address), "{address}");
        }
        assert!(Address::Unix("/run/image-service.sock".into()).is_local());
    }
}
