//! Why a text is not the JSON that was expected, in words: serde's own name types of Rust.

use serde_json::Error;
use serde_json::error::Category;

/// The reason, and where.
pub fn in_words(error: &Error) -> String {
    let place = format!("line {} column {}", error.line(), error.column());
    let message = error.to_string();
    match error.classify() {
        Category::Syntax | Category::Io => format!("it is no JSON, at {place}"),
        Category::Eof => format!("it ends too early, at {place}"),
        Category::Data => match message.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
            Some((field, _)) => format!("{field} is missing, at {place}"),
            // Other messages are ours.
            None if message.starts_with("invalid ") || message.starts_with("data did not match") => {
                format!("a value is of another kind than expected, at {place}")
            }
            None => message,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Row {
        #[serde(rename = "size")]
        _size: u16,
    }

    #[test]
    fn no_type_of_rust_is_named() {
        for (text, words) in [
            ("{\"size\": \"x\"}", "a value is of another kind than expected, at line 1 column 12"),
            ("{\"size\": 70000}", "a value is of another kind than expected, at line 1 column 14"),
            ("[[1]]", "a value is of another kind than expected, at line 1 column 1"),
            ("{}", "size is missing, at line 1 column 2"),
            ("<html>", "it is no JSON, at line 1 column 1"),
            ("{\"size\"", "it ends too early, at line 1 column 7"),
        ] {
            assert_eq!(in_words(&serde_json::from_str::<Row>(text).unwrap_err()), words, "{text}");
        }
    }
}
