//! The id of a request: the client's own, or a random one. Logs and answers carry it.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header of the id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest client's id that the program accepts, in bytes.
const MAX_ID_BYTES: usize = 128;

/// The id of a request.
pub(crate) enum RequestId {
    /// The client's own, of characters that are safe in every log.
    Client(HeaderValue),
    /// Sixteen hexadecimal digits.
    Random([u8; 16]),
}

impl RequestId {
    /// The client's own id, else a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let is_safe = |id: &&HeaderValue| {
            let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(byte);
            (1..=MAX_ID_BYTES).contains(&id.len()) && id.as_bytes().iter().all(allowed)
        };
        if let Some(id) = headers.get(REQUEST_ID).filter(is_safe) {
            return Self::Client(id.clone());
        }
        let (mut rest, mut digits) = (fastrand::u64(1..), [0; 16]);
        for digit in &mut digits {
            *digit = b"0123456789abcdef"[(rest & 15) as usize];
            rest >>= 4;
        }
        Self::Random(digits)
    }

    /// The id as text.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Client(id) => id.to_str().unwrap_or_default(),
            Self::Random(digits) => std::str::from_utf8(digits).unwrap_or_default(),
        }
    }

    /// The id as the value of a header.
    pub(crate) fn value(&self) -> HeaderValue {
        match self {
            Self::Client(id) => id.clone(),
            Self::Random(digits) => {
                HeaderValue::from_bytes(digits).unwrap_or_else(|_| HeaderValue::from_static("none"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(value: &str) -> String {
        let headers = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_bytes(value.as_bytes()).unwrap())]);
        RequestId::of(&headers).as_str().to_owned()
    }

    #[test]
    fn a_client_id_is_used_if_it_is_short_and_safe_in_logs() {
        assert_eq!(id_of("7b1c-AB_9.x:y/z+1=@"), "7b1c-AB_9.x:y/z+1=@");
        for wrong in ["", "a b", "a\"b", "a,b", "{}", "\u{e9}"] {
            let made = id_of(wrong);
            assert!(made.len() == 16 && made.chars().all(|c| c.is_ascii_hexdigit()), "{wrong:?}: {made}");
        }
        let long = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_str(&"a".repeat(129)).unwrap())]);
        assert_eq!(RequestId::of(&long).as_str().len(), 16);
        assert_ne!(id_of(""), id_of(""));
    }
}
