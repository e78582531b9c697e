//! The encodings of answers: what the client asks for, and how it decodes what comes, asked for or not. A component sees plain
//! bytes only, and never more than the limit of an answer.

use super::answer_body::no_memory;
use super::error::SendError;
use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderValue};
use image_service_memory::{BUDGET, Exhausted, Purpose};
use image_service_telemetry::source::FailureKind;
use std::io::{Error, Read};

/// Asked for: each proxy knows it. Harbor itself sends plain answers.
pub(super) const ACCEPTED: HeaderValue = HeaderValue::from_static("gzip");
/// Most encodings of one answer, one over the other: a proxy's, and another one's before it.
const MAX_LAYERS: usize = 2;
/// Binary logarithm of the largest window of zstd, which RFC 9659 bounds to 8 MiB for HTTP.
const ZSTD_WINDOW_LOG: u32 = 23;
/// How much is decoded before the program looks whether it has memory for more.
const PIECE_BYTES: u64 = 256 * 1024;

/// Decodes a body as its headers say, into at most `max` bytes, and removes these headers.
pub(super) async fn decoded(headers: &mut HeaderMap, body: Bytes, max: usize) -> Result<Bytes, SendError> {
    let names: Vec<String> = headers.get_all(CONTENT_ENCODING).iter().flat_map(names).collect();
    if names.is_empty() || body.is_empty() {
        return Ok(body);
    }
    if names.len() > MAX_LAYERS {
        return Err(malformed(format!("the answer is encoded {} times", names.len())));
    }
    let work = move || names.iter().rev().try_fold(body, |body, name| decode(name, &body, max));
    // A thread that may block: a large answer takes some milliseconds.
    let body = tokio::task::spawn_blocking(work).await.map_err(|error| malformed(error.to_string()))??;
    headers.remove(CONTENT_ENCODING);
    headers.remove(CONTENT_LENGTH);
    Ok(body)
}

/// The encodings in one header, in the order in which they were applied.
fn names(value: &HeaderValue) -> Vec<String> {
    let text = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
    text.split(',').map(|name| name.trim().to_owned()).filter(|name| !matches!(&name[..], "" | "identity")).collect()
}

fn decode(name: &str, body: &[u8], max: usize) -> Result<Bytes, SendError> {
    let outcome = match name {
        "gzip" | "x-gzip" => read(MultiGzDecoder::new(body), max),
        // By RFC 9110 it has zlib's header, which some servers leave out.
        "deflate" => read(ZlibDecoder::new(body), max).or_else(|_| read(DeflateDecoder::new(body), max)),
        "zstd" => zstd::stream::read::Decoder::with_buffer(body).and_then(|mut decoder| {
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            read(decoder, max)
        }),
        _ => {
            let name: String = name.chars().take(40).collect();
            return Err(malformed(format!(
                "the answer is encoded as {name:?}, which was not asked for and can't be read"
            )));
        }
    };
    match outcome {
        Ok(body) if body.len() > max => Err(SendError::too_large(max)),
        Ok(body) => Ok(body.into()),
        Err(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<Exhausted>()) {
            Some(exhausted) => Err(no_memory(*exhausted)),
            None => Err(malformed(format!("the answer says that it is encoded as {name}, and is not ({error})"))),
        },
    }
}

/// Reads to the end, or one byte more than `max`.
fn read(from: impl Read, max: usize) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    let most = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    let mut from = from.take(most);
    while from.by_ref().take(PIECE_BYTES).read_to_end(&mut body)? > 0 {
        // A short body may be the beginning of a very long one.
        BUDGET.take(PIECE_BYTES, Purpose::Continue).map_err(Error::other)?;
    }
    Ok(body)
}

fn malformed(problem: String) -> SendError {
    SendError::failed(FailureKind::Malformed, format!("{problem}; does a proxy before Harbor change its answers?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::read::{DeflateEncoder, GzEncoder, ZlibEncoder};

    const TEXT: &[u8] = b"[{\"name\": \"library\"}]";

    fn all(mut from: impl Read) -> Vec<u8> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        all(GzEncoder::new(bytes, Compression::best()))
    }

    async fn read(encoding: &'static str, body: Vec<u8>, max: usize) -> Result<Bytes, String> {
        let mut headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(encoding))]);
        headers.insert(CONTENT_LENGTH, body.len().into());
        let body = decoded(&mut headers, body.into(), max).await.map_err(|error| error.to_string())?;
        assert!(!headers.contains_key(CONTENT_ENCODING) && !headers.contains_key(CONTENT_LENGTH));
        Ok(body)
    }

    #[tokio::test]
    async fn what_comes_is_decoded_asked_for_or_not() {
        for (encoding, body) in [
            ("gzip", gzip(TEXT)),
            ("X-GZIP", [gzip(&TEXT[..5]), gzip(&TEXT[5..])].concat()),
            ("deflate", all(ZlibEncoder::new(TEXT, Compression::best()))),
            ("deflate", all(DeflateEncoder::new(TEXT, Compression::best()))),
            ("zstd", zstd::encode_all(TEXT, 3).unwrap()),
            ("identity, gzip , gzip", gzip(&gzip(TEXT))),
        ] {
            // What is encoded twice is larger in between.
            let limit = body.len().max(TEXT.len());
            assert_eq!(read(encoding, body, limit).await.as_deref(), Ok(TEXT), "{encoding}");
        }
    }

    #[tokio::test]
    async fn a_bomb_is_read_to_the_limit_of_an_answer() {
        let zeros = vec![0; 64 << 20];
        for (encoding, bomb) in [("gzip", gzip(&zeros)), ("zstd", zstd::encode_all(&zeros[..], 3).unwrap())] {
            let error = read(encoding, bomb, 1 << 20).await.unwrap_err();
            assert!(error.contains("larger than 1048576 bytes"), "{error}");
        }
        assert!(read("gzip, gzip, gzip", gzip(TEXT), 100).await.unwrap_err().contains("encoded 3 times"));
    }

    #[tokio::test]
    async fn what_is_not_as_it_says_is_told_in_words() {
        let error = read("gzip", TEXT.to_vec(), 100).await.unwrap_err();
        assert!(error.contains("encoded as gzip, and is not") && error.contains("proxy"), "{error}");
        let error = read("br", TEXT.to_vec(), 100).await.unwrap_err();
        assert!(error.contains("\"br\", which was not asked for"), "{error}");
    }
}
