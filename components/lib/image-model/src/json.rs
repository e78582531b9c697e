//! JSON as this project writes it: what a person can't see has an escape, so that no name of a stranger reaches a terminal as
//! a control of it, through whatever prints the document. Most strings need no escape, and are copied as they are.

use crate::visible::{is_invisible, write_json_escape};
use serde::Serialize;

/// Writes a value, compact. Writing into memory can't fail, where a value has only texts as keys.
pub fn write(buffer: &mut Vec<u8>, value: &impl Serialize) {
    let start = buffer.len();
    let _ = serde_json::to_writer(&mut *buffer, value);
    let written = &buffer[start..];
    if !written.iter().all(|byte| *byte < 0x7f)
        && let Ok(json) = std::str::from_utf8(written)
    {
        let escaped = escaped(json);
        buffer.truncate(start);
        buffer.extend_from_slice(escaped.as_bytes());
    }
}

/// A value as text, compact.
pub fn text(value: &impl Serialize) -> String {
    let mut buffer = Vec::new();
    write(&mut buffer, value);
    String::from_utf8(buffer).unwrap_or_default()
}

/// JSON with escapes for what serde_json leaves as it is, and a person can't see. Outside of strings, JSON is ASCII without DEL.
pub fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut begin = 0;
    for (at, character) in json.char_indices() {
        if character >= '\u{7f}' && is_invisible(character) {
            out.push_str(&json[begin..at]);
            write_json_escape(&mut out, character);
            begin = at + character.len_utf8();
        }
    }
    out.push_str(&json[begin..]);
    out
}

/// Writes a string with its quotes.
pub(crate) fn string(buffer: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes()) {
        buffer.reserve(text.len() + 2);
        buffer.push(b'"');
        buffer.extend_from_slice(text.as_bytes());
        buffer.push(b'"');
    } else {
        write(buffer, &text);
    }
}

/// Whether every byte is a visible one of ASCII, and none has to be escaped (RFC 8259, section 7): no quote or backslash.
fn is_plain(bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks();
    match bytes.last_chunk() {
        // The last block overlaps the one before it, which costs less than a loop over single bytes.
        Some(last) => blocks.iter().all(is_plain_block) && is_plain_block(last),
        None => rest.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')),
    }
}

/// [`is_plain`] for the 16 bytes of one SIMD instruction. It looks at all bytes for one reason after another: with an early
/// end, compilers make it a loop.
fn is_plain_block(block: &[u8; 16]) -> bool {
    let any = |is: fn(&u8) -> bool| block.iter().fold(false, |found, byte| found | is(byte));
    !(any(|byte| byte.wrapping_sub(b' ') > b'~' - b' ') || any(|byte| *byte == b'"') || any(|byte| *byte == b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut written = Vec::new();
        string(&mut written, text);
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn strings_are_those_of_serde_json_wherever_an_escape_stands() {
        for character in (0..=0x100).filter_map(char::from_u32).chain(['\u{2028}', '😀']) {
            for before in 0..20 {
                let text = format!("{}{character}{}", "a".repeat(before), "é".repeat(20 - before));
                let json = written(&text);
                assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
                if character < '\u{7f}' || !is_invisible(character) {
                    assert_eq!(json, serde_json::to_string(&text).unwrap());
                }
            }
        }
    }

    #[test]
    fn what_a_person_cannot_see_has_an_escape() {
        assert_eq!(written("a\u{7f}\u{9b}31m\u{202e}é"), "\"a\\u007f\\u009b31m\\u202eé\"");
        assert_eq!(written("\u{1b}\u{7}\0\n"), "\"\\u001b\\u0007\\u0000\\n\"");
        assert_eq!(text(&["\u{e0041}\\", "日本"]), "[\"\\udb40\\udc41\\\\\",\"日本\"]");
        let pretty = "{\n  \"é\": \"a\u{200b}\\n\"\n}";
        assert_eq!(escaped(pretty), "{\n  \"é\": \"a\\u200b\\n\"\n}", "the layout stays");
    }

    #[test]
    fn most_strings_are_plain() {
        for text in ["", "registry.k8s.io/pause", "sha256:e6f181688397", "~ <none>"] {
            assert!(is_plain(text.as_bytes()), "{text:?}");
        }
    }
}
