//! The text of config.json as a tree, with its mistakes in words.
//!
//! `serde_json::Value` is no such tree: it forgets a key that is there twice, and leaves secrets in memory.

use crate::place;
use anyhow::{Result, anyhow};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Number;
use std::fmt;
use zeroize::Zeroize;

/// A value of JSON.
pub(crate) enum Tree {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Tree>),
    /// The members in the order of the text. A key may be there twice.
    Object(Vec<(String, Tree)>),
}

impl Tree {
    /// Reads a config file.
    ///
    /// # Errors
    ///
    /// When it is no JSON: with line and column, and what is wrong there.
    pub(crate) fn read(text: &str) -> Result<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut json = serde_json::Deserializer::from_str(text);
        let mut track = serde_path_to_error::Track::new();
        let tree = Self::deserialize(serde_path_to_error::Deserializer::new(&mut json, &mut track));
        let tree = tree.map_err(|error: serde_json::Error| match error.to_string() {
            // The number itself is not repeated, as it may stand in the place of a secret.
            message if message.starts_with("number out of range") => {
                anyhow!("{}: {message}; no key takes a number as large as this", track.path())
            }
            _ => not_json(text, &error),
        })?;
        json.end().map_err(|error| not_json(text, &error))?;
        Ok(tree)
    }
}

impl Tree {
    /// The text at this path; nothing where there is none.
    pub(crate) fn text(&self, path: &[&str]) -> &str {
        match (self, path) {
            (Self::Text(text), []) => text,
            (Self::Object(members), [name, rest @ ..]) => {
                members.iter().find(|(member, _)| member == name).map_or("", |(_, value)| value.text(rest))
            }
            _ => "",
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        if let Self::Text(text) = self {
            text.zeroize();
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Tree, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Tree, E> {
        // JSON has no number that is not finite.
        Ok(Number::from_f64(number).map_or(Tree::Null, Tree::Number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(member) = members.next_element()? {
            list.push(member);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Tree::Object(object))
    }
}

/// Why a text is no JSON, for somebody who wrote it by hand.
fn not_json(text: &str, error: &serde_json::Error) -> anyhow::Error {
    let at = place::offset(text, error.line(), error.column());
    let before = text[..at].trim_end();
    let rest = &text[at..];
    let here = rest.chars().next();
    let message = error.to_string();
    let place = |at| place::of_offset(text, at);
    if before.ends_with(',') && matches!(here, Some('}' | ']')) {
        return anyhow!("not valid JSON: there is a comma too many at {}", place(before.len() - 1));
    }
    if here == Some(',') && !message.starts_with("expected `") {
        return anyhow!("not valid JSON: there is a comma too many at {}", place(at));
    }
    if message.starts_with("expected `,`") && matches!(here, Some('"' | '{' | '[')) {
        return anyhow!("not valid JSON: a comma is missing after {}", place(before.len().saturating_sub(1)));
    }
    let message = message.replace("EOF while parsing", "the file ends within");
    let hint = match here {
        _ if error.is_eof() => "; is a closing bracket or a quote missing?",
        Some('/' | '#') => "; JSON has no comments",
        Some('\'') => "; write texts in double quotes",
        Some('T' | 'F' | 'N') if ["True", "False", "None"].iter().any(|word| rest.starts_with(word)) => {
            "; write true, false and null"
        }
        _ => "",
    };
    anyhow!("not valid JSON: {message}{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Tree::read(text).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn a_comma_too_many_is_named_where_it_stands() {
        for (text, place) in [
            ("{\n  \"a\": 1,\n}\n", "line 2 column 9"),
            ("{\"a\": [1, 2,\n\n]}", "line 1 column 12"),
            ("{\n  \"app_config\": {,}\n}", "line 2 column 18"),
            ("[1,,2]", "line 1 column 4"),
            ("{\"ä\": 1 , , \"b\": 2}", "line 1 column 11"),
        ] {
            assert_eq!(error(text), format!("not valid JSON: there is a comma too many at {place}"), "{text}");
        }
    }

    #[test]
    fn a_comma_that_is_missing_is_named_where_it_should_stand() {
        assert_eq!(error("{\n  \"a\": 1\n  \"b\": 2\n}"), "not valid JSON: a comma is missing after line 2 column 8");
    }

    #[test]
    fn what_people_write_by_habit_is_told_with_what_json_has_instead() {
        for (text, hint) in [
            ("{ // mine\n}", "JSON has no comments"),
            ("{\"a\": 1 # mine\n}", "JSON has no comments"),
            ("{'a': 1}", "write texts in double quotes"),
            ("{\"a\": True}", "write true, false and null"),
            ("{\"a\": None}", "write true, false and null"),
            (
                "{\"a\": 1",
                "the file ends within an object at line 1 column 7; is a closing bracket or a quote missing?",
            ),
            ("", "is a closing bracket or a quote missing?"),
        ] {
            assert!(error(text).starts_with("not valid JSON: ") && error(text).ends_with(hint), "{}", error(text));
        }
    }
}
