//! What a certificate says, in words.

use image_model::visible;
use rustls::pki_types::CertificateDer;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate, X509Version};
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

/// Most names of a certificate that a message repeats.
const MAX_NAMES: usize = 8;
/// Most characters of a name.
const MAX_NAME: usize = 120;

/// A server's certificate.
pub(super) struct Certificate<'a>(X509Certificate<'a>);

impl<'a> Certificate<'a> {
    /// `None` where it can't be read.
    pub(super) fn read(der: &'a CertificateDer<'_>) -> Option<Self> {
        X509Certificate::from_der(der).ok().map(|(_, certificate)| Self(certificate))
    }

    pub(super) fn subject(&self) -> String {
        shown(self.0.subject())
    }

    pub(super) fn issuer(&self) -> String {
        shown(self.0.issuer())
    }

    /// Whether it says that it is its own issuer.
    pub(super) fn is_self_issued(&self) -> bool {
        self.0.subject() == self.0.issuer()
    }

    /// Whether it is of the first version of X.509, which knows no names of hosts.
    pub(super) fn is_of_version_1(&self) -> bool {
        self.0.version() == X509Version::V1
    }

    /// The hosts that it is for.
    pub(super) fn names(&self) -> Vec<String> {
        let names = self.0.subject_alternative_name().ok().flatten();
        names.map_or_else(Vec::new, |names| names.value.general_names.iter().filter_map(host).collect())
    }

    /// The names of hosts as a list, the first of them.
    pub(super) fn shown_names(&self) -> String {
        let names = self.names();
        let mut shown: Vec<String> = names.iter().take(MAX_NAMES).map(|name| cut(name)).collect();
        if let Some(more) = names.len().checked_sub(MAX_NAMES).filter(|more| *more > 0) {
            shown.push(format!("{more} more"));
        }
        shown.join(", ")
    }

    /// Where it has no names of hosts: the name that such certificates had before there were any.
    pub(super) fn common_name(&self) -> Option<&str> {
        self.0.subject().iter_common_name().next()?.as_str().ok()
    }

    /// The seconds since 1970 at which it begins and ends to count.
    pub(super) fn validity(&self) -> (i64, i64) {
        (self.0.validity().not_before.timestamp(), self.0.validity().not_after.timestamp())
    }
}

fn host(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
            let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes))));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

/// A moment, such as `2001-01-01 00:00:00 UTC`.
pub(super) fn moment(seconds: i64) -> String {
    let Ok(time) = ASN1Time::from_timestamp(seconds) else { return "another time".to_owned() };
    let time = time.to_datetime();
    let (date, (hours, minutes, seconds)) = (time.date(), time.to_hms());
    format!("{date} {hours:02}:{minutes:02}:{seconds:02} UTC")
}

fn shown(name: &X509Name<'_>) -> String {
    let text = cut(&name.to_string());
    if text.is_empty() { "nobody".to_owned() } else { text }
}

/// At most so much of a stranger's text, on one line.
fn cut(text: &str) -> String {
    visible::excerpt(text, MAX_NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_and_a_time() {
        assert_eq!(moment(978_307_200), "2001-01-01 00:00:00 UTC");
        assert_eq!(moment(i64::MAX), "another time");
    }
}
