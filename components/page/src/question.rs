//! A question to the handler on behalf of a request, and how its answer is read: as pure functions over headers and parts.

#![forbid(unsafe_code)]

/// Headers as `wasi:http` has them.
pub(crate) type Headers = Vec<(String, Vec<u8>)>;

/// They would make the answer another one than the rows: the page's own tag, a part of the page, an encoded body.
const OF_THE_PAGE: [&str; 10] = [
    "accept",
    "accept-encoding",
    "content-length",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
];

/// The largest answer that is put into the page. A larger one is the script's to ask for.
pub(crate) const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// Least room for each read of a body, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// The headers of a question: the same client and login, and the whole answer in this media type. The client may set the headers
/// in `passed` all the same.
pub(crate) fn headers(mut of_client: Headers, accept: &str, passed: &[&str]) -> Headers {
    let is_any_of = |name: &str, names: &[&str]| names.iter().any(|own| name.eq_ignore_ascii_case(own));
    of_client.retain(|(name, _)| is_any_of(name, passed) || !is_any_of(name, &OF_THE_PAGE));
    of_client.push(("accept".to_owned(), accept.as_bytes().to_vec()));
    of_client
}

/// The headers of the rows as a file to keep.
pub(crate) fn file_headers(mut of_answer: Headers, name: &str) -> Headers {
    of_answer.push(("content-disposition".to_owned(), format!("attachment; filename=\"{name}\"").into_bytes()));
    of_answer
}

/// The whole body, of which `read` puts the next part behind what it is given, and says whether more may come; `None` where it
/// is longer than `most`.
pub(crate) async fn body(most: usize, mut read: impl AsyncFnMut(Vec<u8>) -> (bool, Vec<u8>)) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        body.reserve(READ_BYTES);
        let goes_on;
        (goes_on, body) = read(body).await;
        if body.len() > most {
            return None;
        }
        if !goes_on {
            return Some(body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn text(headers: &Headers) -> Vec<(&str, &str)> {
        headers.iter().map(|(name, value)| (name.as_str(), std::str::from_utf8(value).unwrap())).collect()
    }

    fn list(headers: &[(&str, &str)]) -> Headers {
        headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
    }

    #[test]
    fn a_question_has_the_clients_login_and_trace_and_nothing_that_is_about_the_page() {
        let client = list(&[
            ("cookie", "session=1"),
            ("authorization", "Bearer a"),
            ("traceparent", "00-1-2-01"),
            ("cache-control", "no-cache"),
            ("Accept", "text/html"),
            ("accept-encoding", "zstd"),
            ("If-None-Match", "\"page\""),
            ("range", "bytes=0-1"),
        ]);
        let expected = [
            ("cookie", "session=1"),
            ("authorization", "Bearer a"),
            ("traceparent", "00-1-2-01"),
            ("cache-control", "no-cache"),
            ("accept", "application/json"),
        ];
        assert_eq!(text(&headers(client.clone(), "application/json", &[])), expected);
        let passed = headers(client, "text/csv", &["if-none-match"]);
        assert!(text(&passed).contains(&("If-None-Match", "\"page\"")), "{:?}", text(&passed));
    }

    #[test]
    fn the_rows_as_a_file_keep_their_headers() {
        let headers = file_headers(list(&[("content-type", "text/csv"), ("etag", "W/\"1\"")]), "images.csv");
        let disposition = ("content-disposition", "attachment; filename=\"images.csv\"");
        assert_eq!(text(&headers), [("content-type", "text/csv"), ("etag", "W/\"1\""), disposition]);
    }

    /// The body of these parts.
    fn read(most: usize, parts: &[&[u8]]) -> (Option<Vec<u8>>, usize) {
        let mut reads = 0;
        let next = async |mut so_far: Vec<u8>| {
            so_far.extend_from_slice(parts[reads]);
            reads += 1;
            (reads < parts.len(), so_far)
        };
        let Poll::Ready(body) = pin!(body(most, next)).poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("it waits for nothing")
        };
        (body, reads)
    }

    #[test]
    fn a_body_is_read_to_its_end_or_until_it_is_too_large_for_a_page() {
        assert_eq!(read(6, &[b"one", b"", b"two"]), (Some(b"onetwo".to_vec()), 3));
        assert_eq!(read(5, &[b"one", b"two", b"never read"]), (None, 2));
        assert_eq!(read(5, &[b""]), (Some(Vec::new()), 1));
    }
}
