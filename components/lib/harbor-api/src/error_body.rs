//! The body of an answer that is no success: Harbor's own errors, a proxy's page, or anything else.

use image_model::visible;
use serde::Deserialize;

/// Most characters of a body that a message repeats.
const MAX_EXCERPT: usize = 200;

/// The body of an error.
pub(crate) enum Body {
    /// In the form of Harbor's API.
    OfHarbor(Vec<Item>),
    /// A page of HTML, which Harbor's API never sends: its text.
    Page(String),
    /// Anything else.
    Other(String),
}

/// An error of Harbor's API.
#[derive(Deserialize)]
pub(crate) struct Item {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Item {
    /// What is not there, where the message is such as `artifact team/app:1.0 not found`. Of a path that no part of Harbor
    /// knows, the message is `path /api/v2.0/nothing was not found`.
    pub(crate) fn absent(&self) -> Option<String> {
        let (thing, rest) = self.message.split_once(' ')?;
        let is_thing = matches!(thing, "artifact" | "repository" | "project") && self.code == "NOT_FOUND";
        rest.strip_suffix(" not found").filter(|_| is_thing).map(str::to_owned)
    }
}

impl Body {
    pub(crate) fn read(body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Errors {
            errors: Vec<Item>,
        }
        if let Ok(Errors { errors }) = serde_json::from_slice::<Errors>(body) {
            return Self::OfHarbor(errors);
        }
        // Enough for any title, whatever stands before it.
        let text = String::from_utf8_lossy(body.get(..16 * 1024).unwrap_or(body));
        let text = text.trim_start_matches('\u{feff}').trim_start();
        if text.starts_with('<') { Self::Page(page_text(text)) } else { Self::Other(words(text)) }
    }

    /// The messages of Harbor, or the beginning of any other body; at most [`MAX_EXCERPT`] characters.
    pub(crate) fn excerpt(&self) -> String {
        let text = match self {
            Self::OfHarbor(items) => {
                &items.iter().map(|item| format!("{}: {}", item.code, item.message)).collect::<Vec<_>>().join(", ")
            }
            Self::Page(text) | Self::Other(text) => text,
        };
        visible::excerpt(text, MAX_EXCERPT)
    }
}

/// What a page says: its title where it has one, else its text.
fn page_text(html: &str) -> String {
    // ASCII only, so that places in it are places in `html`.
    let lower = html.to_ascii_lowercase();
    let between = |begin: &str, end: &str| {
        let from = lower.find(begin)?;
        let from = lower.get(from..)?.find('>').map(|at| from + at + 1)?;
        let length = lower.get(from..)?.find(end)?;
        html.get(from..from + length)
    };
    let title = between("<title", "</title").map(without_tags).unwrap_or_default();
    if title.is_empty() { without_tags(between("<body", "</body").unwrap_or(html)) } else { title }
}

fn without_tags(html: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for c in html.chars() {
        match c {
            '<' => is_tag = true,
            '>' if is_tag => {
                is_tag = false;
                text.push(' ');
            }
            c if !is_tag => text.push(c),
            _ => {}
        }
    }
    words(&text)
}

/// The same on one line.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_another_server_is_shortened_to_one_line() {
        let excerpt = |body: &[u8]| Body::read(body).excerpt();
        assert_eq!(excerpt(b"upstream connect error\r\n or disconnect"), "upstream connect error or disconnect");
        assert_eq!(excerpt("é".repeat(500).as_bytes()).chars().count(), 200);
        assert_eq!(excerpt(b""), "");
        let errors = "{\"errors\": [{\"code\": \"NO\", \"message\": \"a\\u001b]0;x\\u0007\\n\\u202e\"}]}";
        assert_eq!(excerpt(errors.as_bytes()), "NO: a\\u{1b}]0;x\\u{7}\\n\\u{202e}", "so is Harbor's own");
    }

    #[test]
    fn a_page_is_told_by_its_title_or_else_its_text() {
        let page = |html: &str| match Body::read(html.as_bytes()) {
            Body::Page(text) => text,
            Body::OfHarbor(_) | Body::Other(_) => panic!("{html} is a page"),
        };
        let nginx =
            "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n<hr>nginx</body></html>";
        assert_eq!(page(nginx), "413 Request Entity Too Large");
        assert_eq!(page("\u{feff}<html>\n <h1>Bad Gateway</h1>"), "Bad Gateway");
        assert_eq!(page("<!DOCTYPE html><style>p{}</style><body class=x><p>No <b>way</b></p></body>"), "No way");
        assert_eq!(page("<TITLE lang=en>Ünlü</TITLE"), "Ünlü");
        for broken in ["<title", "<title>", "<", "<body><", "<title></title>"] {
            assert_eq!(page(broken), "", "{broken}");
        }
    }
}
