//! Which connections are those of one client, as far as a server can tell.

use std::net::IpAddr;

/// A client, by its address. All clients of a Unix socket, or of one proxy, are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Client(Option<IpAddr>);

impl Client {
    /// A network of IPv6 counts as one client, because whoever has one address there has all.
    pub(crate) fn of(address: Option<IpAddr>) -> Self {
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
            address => address,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_counts_however_it_is_written_and_a_network_of_ipv6_as_one() {
        let of = |text: &str| Client::of(text.parse().ok());
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(Client::of(None), of("10.0.0.1"));
    }
}
