//! `NO_PROXY`: the hosts that are asked without a proxy, as curl, Go and Python read it.

use ipnet::IpNet;
use std::net::IpAddr;
use url::Url;

/// The entry of the list that names the host of this address: `*`, a host and all below it, an IP address or a network (CIDR),
/// each with a port or without one.
pub(crate) fn names<'a>(list: &'a str, to: &Url) -> Option<&'a str> {
    let host = to.host_str()?.trim_start_matches('[').trim_end_matches([']', '.']).to_ascii_lowercase();
    let address = host.parse::<IpAddr>().ok();
    let entries = list.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
    entries.into_iter().find(|entry| is_named(entry, &host, address, to.port_or_known_default()))
}

fn is_named(entry: &str, host: &str, address: Option<IpAddr>, port: Option<u16>) -> bool {
    if entry == "*" {
        return true;
    }
    if let Ok(network) = entry.parse::<IpNet>() {
        return address.is_some_and(|address| network.contains(&address));
    }
    let (name, only) = with_port(entry);
    if only.is_some() && only != port {
        return false;
    }
    if let Ok(named) = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return address == Some(named);
    }
    let name = name.trim_start_matches("*.").trim_matches('.').to_ascii_lowercase();
    !name.is_empty() && host.strip_suffix(&name).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// An entry, and the port behind it. An IPv6 address has one only in brackets.
fn with_port(entry: &str) -> (&str, Option<u16>) {
    match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_named(list: &str, to: &str) -> bool {
        names(list, &Url::parse(to).unwrap()).is_some()
    }

    #[test]
    fn suffixes_ports_addresses_and_networks_are_named() {
        for (list, to) in [
            ("*", "https://h"),
            ("harbor.example.com", "https://Harbor.Example.com."),
            ("example.com", "https://harbor.example.com"),
            (".example.com", "https://harbor.example.com"),
            ("*.example.com", "https://harbor.example.com"),
            ("a, b example.com:8443", "https://harbor.example.com:8443"),
            ("example.com:443", "https://example.com"),
            ("10.0.0.0/8", "https://10.1.2.3"),
            ("10.1.2.3:8080", "http://10.1.2.3:8080"),
            ("fd00::/8,::1", "https://[fd00::7]"),
            ("fd00::7", "https://[fd00::7]:8443"),
            ("[fd00::7]:8443", "https://[fd00::7]:8443"),
        ] {
            assert!(is_named(list, to), "{list} {to}");
        }
    }

    #[test]
    fn others_are_not() {
        for (list, to) in [
            ("", "https://h"),
            (" , ", "https://h"),
            ("example.com", "https://notexample.com"),
            ("example.com:8443", "https://example.com"),
            ("harbor.example.com", "https://example.com"),
            ("10.0.0.0/8", "https://11.1.2.3"),
            ("10.0.0.0/8", "https://harbor.example.com"),
            ("[fd00::7]:8443", "https://[fd00::7]"),
            (".", "https://h"),
        ] {
            assert!(!is_named(list, to), "{list} {to}");
        }
    }
}
