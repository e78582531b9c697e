//! Content codings (RFC 9110, section 8.4): which one a client gets, and the encoders.
//!
//! By hand on purpose: tower-http's compression encodes each answer again, for each client. The cache encodes it once, and keeps
//! the result.

use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderValue};
use std::io::{self, Write};

/// A content coding other than identity; the preferred one comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Zstd,
    Gzip,
}

impl Encoding {
    pub(super) const ALL: [Self; 2] = [Self::Zstd, Self::Gzip];

    /// Its name in HTTP.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    pub(super) fn value(self) -> HeaderValue {
        HeaderValue::from_static(self.name())
    }

    /// The coding that a client with these headers prefers; `None` for identity, which every client takes.
    pub(super) fn accepted(headers: &HeaderMap) -> Option<Self> {
        let mut weights = Weights::default();
        for value in headers.get_all(ACCEPT_ENCODING) {
            value.to_str().unwrap_or_default().split(',').for_each(|item| weights.read(item));
        }
        let candidates = Self::ALL.map(|encoding| (weights.of(encoding), encoding));
        // `max_by_key` returns the last of equals, so the preferred coding must come last.
        let (weight, best) = candidates.into_iter().rev().max_by_key(|(weight, _)| *weight)?;
        (weight > 0 && weight >= weights.identity.unwrap_or_default()).then_some(best)
    }
}

/// Weights of `Accept-Encoding` in thousandths.
#[derive(Default)]
struct Weights {
    gzip: Option<u16>,
    zstd: Option<u16>,
    identity: Option<u16>,
    any: Option<u16>,
}

impl Weights {
    fn read(&mut self, item: &str) {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let quality = parameters.trim().strip_prefix(['q', 'Q']).and_then(|text| text.trim_start().strip_prefix('='));
        let weight = quality.map_or(1.0, |text| text.trim().parse::<f32>().unwrap_or_default());
        let weight = Some((weight.clamp(0.0, 1.0) * 1000.0) as u16);
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => self.gzip = weight,
            "zstd" => self.zstd = weight,
            "identity" => self.identity = weight,
            "*" => self.any = weight,
            _ => {}
        }
    }

    fn of(&self, encoding: Encoding) -> u16 {
        let own = match encoding {
            Encoding::Zstd => self.zstd,
            Encoding::Gzip => self.gzip,
        };
        own.or(self.any).unwrap_or_default()
    }
}

/// Encodes a body, chunk by chunk.
pub(super) enum Encoder {
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Gzip(GzEncoder<Vec<u8>>),
}

impl Encoder {
    pub(super) fn new(encoding: Encoding) -> io::Result<Self> {
        Ok(match encoding {
            Encoding::Zstd => {
                Self::Zstd(zstd::stream::write::Encoder::new(Vec::new(), zstd::DEFAULT_COMPRESSION_LEVEL)?)
            }
            Encoding::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), Compression::default())),
        })
    }

    /// Encodes a chunk so that the client can decode it at once.
    pub(super) fn chunk(&mut self, chunk: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Zstd(encoder) => {
                encoder.write_all(chunk)?;
                encoder.flush()?;
                Ok(std::mem::take(encoder.get_mut()))
            }
            Self::Gzip(encoder) => {
                encoder.write_all(chunk)?;
                encoder.flush()?;
                Ok(std::mem::take(encoder.get_mut()))
            }
        }
    }

    /// The last bytes of the body.
    pub(super) fn end(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Zstd(encoder) => encoder.finish(),
            Self::Gzip(encoder) => encoder.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn accepted(value: &'static str) -> Option<&'static str> {
        let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))]);
        Encoding::accepted(&headers).map(Encoding::name)
    }

    #[test]
    fn the_client_chooses_the_coding() {
        assert_eq!(Encoding::accepted(&HeaderMap::new()), None);
        for (value, expected) in [
            ("", None),
            ("identity", None),
            ("br, deflate", None),
            ("gzip", Some("gzip")),
            ("deflate, GZIP, br, zstd", Some("zstd")),
            ("gzip, zstd;q=0.5", Some("gzip")),
            ("gzip;q=0", None),
            ("gzip;q=0, *", Some("zstd")),
            ("*;q=0", None),
            ("identity, gzip;q=0.5", None),
            ("gzip ; q = 0.001", Some("gzip")),
            ("gzip;q=nonsense", None),
        ] {
            assert_eq!(accepted(value), expected, "{value}");
        }
    }

    #[test]
    fn each_chunk_can_be_decoded_when_it_arrives() {
        for encoding in Encoding::ALL {
            let mut encoder = Encoder::new(encoding).unwrap();
            let mut encoded = encoder.chunk(b"first ").unwrap();
            let mut decoded = [0; 6];
            match encoding {
                Encoding::Zstd => zstd::stream::read::Decoder::new(&encoded[..]).unwrap().read_exact(&mut decoded),
                Encoding::Gzip => flate2::read::GzDecoder::new(&encoded[..]).read_exact(&mut decoded),
            }
            .unwrap();
            assert_eq!(&decoded, b"first ");
            encoded.extend(encoder.chunk(b"second").unwrap());
            encoded.extend(encoder.end().unwrap());
            let mut text = String::new();
            match encoding {
                Encoding::Zstd => zstd::stream::read::Decoder::new(&encoded[..]).unwrap().read_to_string(&mut text),
                Encoding::Gzip => flate2::read::GzDecoder::new(&encoded[..]).read_to_string(&mut text),
            }
            .unwrap();
            assert_eq!(text, "first second");
        }
    }
}
