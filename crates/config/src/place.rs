//! Where a key stands in the text of config.json.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::cell::Cell;
use std::fmt;

/// The place of the value of a key such as `harbor_config.url`: `line 3 column 12`. `None` where the text, which has to be JSON, has
/// no such key.
pub(crate) fn of_key(text: &str, key: &str) -> Option<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (names, found): (Vec<&str>, _) = (key.split('.').collect(), Cell::new(false));
    let mut json = serde_json::Deserializer::from_str(text);
    // serde_json tells places only of errors, so the search ends with one.
    let error = Search { names: &names, found: &found }.deserialize(&mut json).err().filter(|_| found.get())?;
    // Between the name and the colon.
    let name_end = offset(text, error.line(), error.column());
    let colon = name_end.checked_add(text.get(name_end..)?.find(':')?)?;
    let rest = text.get(colon..)?.strip_prefix(':')?;
    Some(of_offset(text, text.len().saturating_sub(rest.trim_start().len())))
}

/// The place of a byte, for people.
pub(crate) fn of_offset(text: &str, at: usize) -> String {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before[before.rfind('\n').map_or(0, |newline| newline + 1)..].chars().count() + 1;
    format!("line {line} column {column}")
}

/// The byte of this line and column, which serde_json counts from 1; at most the end, and always the begin of a character.
pub(crate) fn offset(text: &str, line: usize, column: usize) -> usize {
    let begin = match line {
        0 | 1 => 0,
        line => text.match_indices('\n').nth(line - 2).map_or(text.len(), |(newline, _)| newline + 1),
    };
    let at = (begin + column.saturating_sub(1)).min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

/// Searches a value for a key by these names, and fails where it is found.
#[derive(Clone, Copy)]
struct Search<'a> {
    names: &'a [&'a str],
    found: &'a Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let [name, rest @ ..] = self.names else { return Ok(()) };
        let is_last = rest.is_empty();
        while let Some(is_it) = members.next_key_seed(Name { name, found: is_last.then_some(self.found) })? {
            if is_it {
                members.next_value_seed(Search { names: rest, ..self })?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Reads the name of a member, and says whether it is this one; fails then where it is the last of a key.
struct Name<'a> {
    name: &'a str,
    found: Option<&'a Cell<bool>>,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<bool, E> {
        match self.found {
            Some(found) if name == self.name => {
                found.set(true);
                Err(E::custom("found"))
            }
            _ => Ok(name == self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_key_wherever_it_stands() {
        let text = "\u{feff}{\n  \"ä\": {\"b\": 1}, \"harbor_config\" : {\n    \"x\": [{\"url\": 1}],\n\t\"url\"\n :  \
                    \"a:b\", \"empty\":{}\n  }, \"node_api\":7}\n";
        for (key, place) in [
            ("ä", Some("line 2 column 8")),
            ("ä.b", Some("line 2 column 14")),
            ("harbor_config", Some("line 2 column 36")),
            ("harbor_config.x", Some("line 3 column 10")),
            ("harbor_config.url", Some("line 5 column 5")),
            ("harbor_config.empty", Some("line 5 column 20")),
            ("node_api", Some("line 6 column 17")),
            ("url", None),
            ("harbor_config.none", None),
            ("harbor_config.url.more", None),
            ("", None),
        ] {
            assert_eq!(of_key(text, key).as_deref(), place, "{key}");
        }
    }
}
