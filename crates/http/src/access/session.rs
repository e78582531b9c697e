//! Sessions of browsers: a cookie that stands for a token of `access_config.token_file`, until it expires.
//!
//! No program keeps a list of sessions. The cookie carries its expiry, and the token, encrypted (AEAD) under a key that is made
//! from the token's digest. Each program whose file has that token can check it, and a token that leaves the file ends its
//! sessions. A keyed hash alone would need the token as its key, and a token file may have digests only. With the digest as
//! the key, whoever reads a file of digests could make cookies; here, they also need the token.

use super::session_key::SessionKey;
use super::tokens::Tokens;
use aws_lc_rs::aead::NONCE_LEN;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base16ct::{lower, mixed};
use http::header::{COOKIE, HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a session lasts: a working day.
pub(super) const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);
/// How far the clocks of programs that share a token file may be apart.
const CLOCKS_DIFFER: Duration = Duration::from_secs(300);
const NAME: &str = "image-service-session";
/// Most cookies of the name in one request that are looked at. Each costs a decryption for each token, and the client has shown
/// none yet.
const MAX_SESSIONS: usize = 4;

/// The header that begins a session: the cookie for this token. `None` where the system has no random bytes.
pub(super) fn begin(token: &str, now: SystemTime, secure: bool) -> Option<HeaderValue> {
    let expires = seconds(now).saturating_add(LIFETIME.as_secs());
    set_cookie(&seal(token, expires)?, LIFETIME, secure)
}

/// The header that ends the session in this browser.
pub(super) fn end(secure: bool) -> Option<HeaderValue> {
    set_cookie("", Duration::ZERO, secure)
}

fn set_cookie(value: &str, max_age: Duration, secure: bool) -> Option<HeaderValue> {
    let secure = if secure { "; Secure" } else { "" };
    let seconds = max_age.as_secs();
    let cookie = format!("{NAME}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    let mut cookie = HeaderValue::from_str(&cookie).ok()?;
    cookie.set_sensitive(true);
    Some(cookie)
}

/// Whether a request carries a session of one of the tokens. A browser may have several cookies of the name, of other paths: any of
/// the first [`MAX_SESSIONS`] counts.
pub(super) fn is_valid(headers: &HeaderMap, tokens: &Tokens, now: SystemTime) -> bool {
    let pairs = headers.get_all(COOKIE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    let sealed = pairs.filter_map(session).take(MAX_SESSIONS);
    sealed.filter_map(|value| Sealed::parse(value, seconds(now))).any(|sealed| {
        let opens = |(key, digest): (&SessionKey, &[u8; 32])| sealed.opens(key, digest);
        tokens.session_keys().any(opens)
    })
}

/// Removes the sessions from a request. Other cookies stay: a composition may have its own.
pub(super) fn remove(headers: &mut HeaderMap) {
    let has_session = |value: &HeaderValue| value.as_bytes().windows(NAME.len()).any(|part| part == NAME.as_bytes());
    if !headers.get_all(COOKIE).iter().any(has_session) {
        return;
    }
    let values: Vec<_> = headers.get_all(COOKIE).iter().cloned().collect();
    headers.remove(COOKIE);
    for value in values {
        let pairs = value.as_bytes().split(|byte| *byte == b';');
        let others: Vec<_> = pairs.filter(|pair| session(pair).is_none()).map(<[u8]>::trim_ascii).collect();
        if let Ok(mut value) = HeaderValue::from_bytes(&others.join(&b"; "[..]))
            && !value.is_empty()
        {
            value.set_sensitive(true);
            headers.append(COOKIE, value);
        }
    }
}

/// The value of a pair `NAME=VALUE` that is a session. Cookies of other programs on the host may have any bytes.
fn session(pair: &[u8]) -> Option<&[u8]> {
    let at = pair.iter().position(|byte| *byte == b'=')?;
    let (name, value) = pair.split_at(at);
    (name.trim_ascii() == NAME.as_bytes()).then(|| value[1..].trim_ascii())
}

/// The cookie's value: the expiry in seconds since 1970, a dot, and nonce and encrypted token in hexadecimal.
fn seal(token: &str, expires: u64) -> Option<String> {
    let key = SessionKey::of(&Sha256::digest(token).into())?;
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).ok()?;
    let sealed = key.seal(token.as_bytes(), nonce, expires)?;
    Some(format!("{expires}.{}{}", lower::encode_string(&nonce), lower::encode_string(&sealed)))
}

/// The parts of a cookie's value.
struct Sealed {
    expires: u64,
    nonce: [u8; NONCE_LEN],
    token: Vec<u8>,
}

impl Sealed {
    /// The parts of a value that is not expired at `now`. One that would be good for longer than any session was made while the
    /// date was wrong.
    fn parse(value: &[u8], now: u64) -> Option<Self> {
        let (expires, sealed) = std::str::from_utf8(value).ok()?.split_once('.')?;
        let latest = now.saturating_add(LIFETIME.as_secs()).saturating_add(CLOCKS_DIFFER.as_secs());
        let expires: u64 = expires.parse().ok().filter(|expires| now < *expires && *expires <= latest)?;
        let (nonce, token) = sealed.split_at_checked(2 * NONCE_LEN)?;
        let nonce = mixed::decode_vec(nonce).ok()?.try_into().ok()?;
        Some(Self { expires, nonce, token: mixed::decode_vec(token).ok()? })
    }

    /// Whether it is a session of the token with this key and digest.
    fn opens(&self, key: &SessionKey, digest: &[u8; 32]) -> bool {
        key.opens(&self.token, self.nonce, self.expires, |token| <[u8; 32]>::from(Sha256::digest(token)) == *digest)
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: &str = "first-token-of-two\nsecond-token-of-two";
    /// In November 2026.
    const NOW: u64 = 1_795_000_000;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap()
    }

    fn tokens(text: &str) -> Tokens {
        Tokens::of(text)
    }

    /// The headers of a request with these values of `Cookie`.
    fn cookies(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (COOKIE, HeaderValue::from_str(value).unwrap())).collect()
    }

    /// The cookie that a login at `NOW` with this token sets.
    fn login(token: &str) -> String {
        let set = begin(token, at(NOW), false).unwrap();
        set.to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    fn valid(cookie: &str, known: &str, now: u64) -> bool {
        is_valid(&cookies(&[cookie]), &tokens(known), at(now))
    }

    #[test]
    fn a_session_is_good_until_it_expires() {
        let cookie = login("second-token-of-two");
        let end = NOW + LIFETIME.as_secs();
        let before = NOW - CLOCKS_DIFFER.as_secs();
        for (now, expected) in [
            (0, false),
            (before - 1, false),
            (before, true),
            (NOW, true),
            (end - 1, true),
            (end, false),
            (u64::MAX >> 8, false),
        ] {
            assert_eq!(valid(&cookie, TOKENS, now), expected, "{now}");
        }
    }

    #[test]
    fn a_session_ends_when_its_token_leaves_the_file() {
        let cookie = login("first-token-of-two");
        assert!(valid(&cookie, "first-token-of-two", NOW) && !valid(&cookie, "second-token-of-two", NOW));
    }

    #[test]
    fn a_session_of_a_token_whose_file_has_only_its_digest_counts() {
        // The SHA-256 of `password`, as `printf password | sha256sum` prints it.
        let file = "sha256:5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";
        assert!(valid(&login("password"), file, NOW));
    }

    #[test]
    fn who_knows_only_a_digest_makes_no_session() {
        let digest: [u8; 32] = Sha256::digest("first-token-of-two").into();
        let expires = NOW + 60;
        let (key, nonce) = (SessionKey::of(&digest).unwrap(), [7; NONCE_LEN]);
        let guess = key.seal(b"first-token-of-tw0", nonce, expires).unwrap();
        let value = format!("{expires}.{}{}", lower::encode_string(&nonce), lower::encode_string(&guess));
        assert!(!Sealed::parse(value.as_bytes(), NOW).unwrap().opens(&key, &digest));
    }

    #[test]
    fn a_forged_or_cut_cookie_counts_for_nothing() {
        let cookie = login("first-token-of-two");
        let (name, value) = cookie.split_once('=').unwrap();
        let (expires, sealed) = value.split_once('.').unwrap();
        let later = NOW + 10 * LIFETIME.as_secs();
        assert!(!valid(&format!("{name}={later}.{sealed}"), TOKENS, NOW), "the expiry is part of what is checked");
        for wrong in ["", ".", "1.", &format!("{expires}."), &format!("{value}00")] {
            assert!(!valid(&format!("{name}={wrong}"), TOKENS, NOW), "{wrong}");
        }
        for length in 0..value.len() {
            assert!(!valid(&format!("{name}={}", &value[..length]), TOKENS, NOW), "{length}");
        }
        for index in value.len() - sealed.len()..value.len() {
            let mut flipped = value.as_bytes().to_vec();
            flipped[index] = if flipped[index] == b'0' { b'1' } else { b'0' };
            assert!(!valid(&format!("{name}={}", String::from_utf8(flipped).unwrap()), TOKENS, NOW), "{index}");
        }
        assert!(!valid(&format!("other={value}"), TOKENS, NOW));
    }

    #[test]
    fn two_sessions_of_one_token_differ_and_show_no_token() {
        let (one, other) = (login("first-token-of-two"), login("first-token-of-two"));
        assert_ne!(one, other);
        assert!(!one.contains("first-token") && !one.contains(&lower::encode_string(b"first-token")), "{one}");
    }

    #[test]
    fn cookies_of_other_programs_may_have_any_bytes() {
        let session = login("first-token-of-two");
        let mut headers = HeaderMap::new();
        let cookie = [b"name=J\xfcrgen; ", session.as_bytes(), b"; k=\xe2\x82\xac"].concat();
        headers.insert(COOKIE, HeaderValue::from_bytes(&cookie).unwrap());
        assert!(is_valid(&headers, &tokens(TOKENS), at(NOW)));
        remove(&mut headers);
        assert_eq!(headers[COOKIE].as_bytes(), b"name=J\xfcrgen; k=\xe2\x82\xac");
    }

    #[test]
    fn a_few_sessions_of_a_request_are_looked_at_and_no_more() {
        let session = login("first-token-of-two");
        let after = |wrong: usize| {
            let pairs = [vec![login("a-wrong-token-of-the-test"); wrong], vec![session.clone()]].concat();
            is_valid(&cookies(&[&pairs.join("; ")]), &tokens(TOKENS), at(NOW))
        };
        assert!(after(MAX_SESSIONS - 1) && !after(MAX_SESSIONS));
    }

    #[test]
    fn only_sessions_are_removed_from_a_request() {
        let session = login("first-token-of-two");
        let first = format!("a=1; {session};b=2");
        let mut headers = cookies(&[&first, &session, "c=3"]);
        assert!(is_valid(&headers, &tokens(TOKENS), at(NOW)));
        remove(&mut headers);
        assert_eq!(headers.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2", "c=3"]);
        remove(&mut headers);
        assert_eq!(headers.get_all(COOKIE).iter().count(), 2);
    }

    #[test]
    fn the_cookie_is_for_this_program_and_no_script() {
        let text = |cookie: Option<HeaderValue>| cookie.unwrap().to_str().unwrap().to_owned();
        let set = text(begin("first-token-of-two", at(NOW), true));
        assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200; Secure"), "{set}");
        let plain = "image-service-session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0";
        assert_eq!(text(end(false)), plain);
    }
}
