//! What a server offers that shares no version or cipher with this program. It gets one greeting (ClientHello) of TLS 1.2 with all
//! old ciphers, and its answer (ServerHello) names what it would take. By hand: rustls can't send one, and these are 100 bytes.

use std::fmt;
use std::net::IpAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The ciphers of the greeting: all that servers were set up with in the last twenty years.
const CIPHERS: [(u16, &str); 33] = [
    (0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    (0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    (0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"),
    (0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"),
    (0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"),
    (0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"),
    (0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
    (0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"),
    (0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    (0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
    (0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256"),
    (0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"),
    (0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"),
    (0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"),
    (0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256"),
    (0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384"),
    (0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256"),
    (0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256"),
    (0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"),
    (0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"),
    (0x0041, "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA"),
    (0x0084, "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA"),
    (0xc012, "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0x0016, "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0x0005, "TLS_RSA_WITH_RC4_128_SHA"),
    (0x0004, "TLS_RSA_WITH_RC4_128_MD5"),
];

/// What a server would take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    version: u16,
    cipher: u16,
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.version {
            0x0300 => f.write_str("SSL 3.0")?,
            0x0301 => f.write_str("TLS 1.0")?,
            0x0302 => f.write_str("TLS 1.1")?,
            0x0303 => f.write_str("TLS 1.2")?,
            version => write!(f, "the version {version:#06x} of TLS")?,
        }
        match CIPHERS.iter().find(|(id, _)| *id == self.cipher) {
            Some((_, name)) => write!(f, " with {name}"),
            None => write!(f, " with the cipher {:#06x}", self.cipher),
        }
    }
}

/// Greets the server of this host, and reads the beginning of its answer; `None` where it takes none of this either.
pub async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), host: &str) -> Option<Offer> {
    stream.write_all(&greeting(host)).await.ok()?;
    stream.flush().await.ok()?;
    // Record and handshake: a type and a length each, and the record's version.
    let mut begin = [0; 9];
    stream.read_exact(&mut begin).await.ok()?;
    let [0x16, _, _, _, _, 0x02, ..] = begin else { return None };
    let version = stream.read_u16().await.ok()?;
    let mut random = [0; 32];
    stream.read_exact(&mut random).await.ok()?;
    let mut session = vec![0; usize::from(stream.read_u8().await.ok()?)];
    stream.read_exact(&mut session).await.ok()?;
    Some(Offer { version, cipher: stream.read_u16().await.ok()? })
}

fn greeting(host: &str) -> Vec<u8> {
    let mut hello = vec![0x03, 0x03];
    hello.extend(std::iter::repeat_with(|| fastrand::u8(..)).take(32));
    hello.push(0);
    hello.extend(counted(&CIPHERS.iter().flat_map(|(id, _)| id.to_be_bytes()).collect::<Vec<u8>>()));
    hello.extend([1, 0]);
    hello.extend(counted(&extensions(host)));
    let length = u32::try_from(hello.len()).unwrap_or_default().to_be_bytes();
    let handshake = [&[0x01][..], &length[1..], &hello].concat();
    [&[0x16, 0x03, 0x01][..], &counted(&handshake)].concat()
}

fn extensions(host: &str) -> Vec<u8> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut all = Vec::new();
    let mut add = |id: u16, content: Vec<u8>| all.extend([&id.to_be_bytes()[..], &counted(&content)].concat());
    // An address is no name of a host here.
    if host.parse::<IpAddr>().is_err() {
        add(0x0000, counted(&[&[0][..], &counted(host.as_bytes())].concat()));
    }
    // Curves: X25519, P-256, P-384, P-521, and Diffie-Hellman of 2048 bits.
    add(0x000a, counted(&[0x00, 0x1d, 0x00, 0x17, 0x00, 0x18, 0x00, 0x19, 0x01, 0x00]));
    add(0x000b, vec![1, 0]);
    // Signatures, down to SHA-1.
    let signatures = [0x0403_u16, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201];
    add(0x000d, counted(&signatures.iter().flat_map(|id| id.to_be_bytes()).collect::<Vec<u8>>()));
    add(0xff01, vec![0]);
    all
}

/// These bytes behind their number, in two bytes.
fn counted(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn offered(answer: &[u8]) -> Option<Offer> {
        let (mut client, mut server) = tokio::io::duplex(4096);
        server.write_all(answer).await.unwrap();
        server.shutdown().await.unwrap();
        ask(&mut client, "harbor.example.com").await
    }

    #[tokio::test]
    async fn what_an_old_server_would_take_is_named() {
        let mut answer = vec![0x16, 0x03, 0x01, 0, 42, 0x02, 0, 0, 38, 0x03, 0x01];
        answer.extend([7; 32]);
        answer.extend([0, 0x00, 0x2f, 0]);
        assert_eq!(offered(&answer).await.unwrap().to_string(), "TLS 1.0 with TLS_RSA_WITH_AES_128_CBC_SHA");
        assert_eq!(offered(&answer[..40]).await, None);
        assert_eq!(offered(&[0x15, 0x03, 0x01, 0, 2, 2, 40, 0, 0]).await, None, "an alert");
        assert_eq!(offered(b"HTTP/1.1 400 Bad Request\r\n\r\n").await, None);
    }
}
