//! Answers of the page itself: headers and bytes.

#![forbid(unsafe_code)]

use crate::html::Access;

/// The page may load what stands beside it, and ask the program that gave it. Nothing else: no other host, no script and no
/// style within the HTML, no frame around it.
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                                 connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; \
                                 frame-ancestors 'none'";
/// A file's name changes with its content.
pub(crate) const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// The rows in the page are of this moment, and for whoever asked.
pub(crate) const ASK_AGAIN: &str = "private, no-cache";

/// The request header by which the host says how the login stands; the host removes it from what clients send. Without it,
/// nobody needs a login.
pub(crate) const ACCESS_HEADER: &str = "image-service-access";
/// Its value in an answer that is open to all: the host keeps back what is not marked from whoever did not log in.
const OPEN_TO_ALL: &str = "open";

/// The headers of an answer.
pub(crate) type Headers = Vec<(&'static str, String)>;

/// These headers, and those of all answers.
pub(crate) fn headers<const N: usize>(own: [(&'static str, &str); N], access: Access) -> Headers {
    let mark = (access == Access::LoginRequired).then_some((ACCESS_HEADER, OPEN_TO_ALL));
    let all = own.into_iter().chain(mark).chain([("x-content-type-options", "nosniff")]);
    all.map(|(name, value)| (name, value.to_owned())).collect()
}

/// An answer with the status 200, of which all is known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) headers: Headers,
    pub(crate) body: &'static [u8],
}

impl Reply {
    pub(crate) fn new<const N: usize>(own: [(&'static str, &str); N], access: Access, body: &'static [u8]) -> Self {
        let mut headers = headers(own, access);
        headers.push(("content-length", body.len().to_string()));
        Self { headers, body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_its_length_and_is_what_it_says() {
        let reply = Reply::new([("content-type", "text/plain")], Access::Open, b"four");
        let headers: Vec<_> = reply.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let expected = [("content-type", "text/plain"), ("x-content-type-options", "nosniff"), ("content-length", "4")];
        assert_eq!(headers, expected);
    }
}
