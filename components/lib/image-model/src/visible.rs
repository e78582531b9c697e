//! Texts of strangers, for people: names of images, and what a registry, a runtime or a component said. A character that a person
//! can't see is written as its number, so that it can't move the cursor, change the order of what follows, or end the line.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a person can't see a character, or takes it for a space: controls, formats (Unicode's category Cf), what Unicode has
/// fonts ignore (`Default_Ignorable_Code_Point`), blanks besides the space, separators of lines, private use, and places without
/// a character.
pub fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
        '\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
        | '\u{115f}'..='\u{1160}' | '\u{1680}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}' | '\u{2800}' | '\u{3000}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}'
        )
}

/// A text on one line, in which nothing is invisible: `\n`, `\r`, `\t`, or such as `\u{202e}`. It is for people, who see what is
/// there; a program can't tell it from a text that has a backslash itself.
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, is_invisible)
}

/// The same, with its line ends: for what the program itself writes on several lines.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |character| character != '\n' && is_invisible(character))
}

/// The beginning of a text, [`visible`]: at most so many characters of it.
pub fn excerpt(text: &str, most: usize) -> String {
    let end = text.char_indices().nth(most).map_or(text.len(), |(at, _)| at);
    visible(&text[..end]).into_owned()
}

fn escaped(text: &str, is_hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    // Most texts are plain, and a look at bytes is quick.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !text.contains(&is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            _ if !is_hidden(character) => shown.push(character),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ => shown.extend(character.escape_unicode()),
        }
    }
    Cow::Owned(shown)
}

/// Writes the escape of a character in JSON: `\u202e`, or two of them for a character beyond the basic plane (RFC 8259, section 7).
pub fn write_json_escape(out: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        // Writing to a string never fails.
        let _ = write!(out, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_cannot_see_is_written_as_its_number() {
        for (text, shown) in [
            ("a\u{1b}]0;title\u{7}", "a\\u{1b}]0;title\\u{7}"),
            ("a\0\u{9b}31m\u{85}", "a\\u{0}\\u{9b}31m\\u{85}"),
            ("app\u{202e}gnp.exe\u{2066}", "app\\u{202e}gnp.exe\\u{2066}"),
            ("one\ntwo\r\n\tthree\u{2028}", "one\\ntwo\\r\\n\\tthree\\u{2028}"),
            ("pkg\u{3164}a\u{a0}b\u{2800}c\u{fe0f}", "pkg\\u{3164}a\\u{a0}b\\u{2800}c\\u{fe0f}"),
            ("\u{7f}\u{feff}\u{e0041}\u{200b}", "\\u{7f}\\u{feff}\\u{e0041}\\u{200b}"),
        ] {
            assert_eq!(visible(text), shown);
            assert_eq!(visible(&visible(text)), shown, "once more changes nothing");
        }
        assert_eq!(visible_lines("one\n\u{1b}two"), "one\n\\u{1b}two");
    }

    #[test]
    fn what_a_person_can_see_stays() {
        for text in ["", "registry.k8s.io/pause:3.9", "<none>", "日本 فريق 🦀 é", "C:\\n \"x\""] {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn an_excerpt_is_cut_between_characters() {
        assert_eq!(
            (excerpt("éé\n", 2), excerpt("éé\n", 9), excerpt("", 1)),
            ("éé".into(), "éé\\n".into(), String::new())
        );
    }
}
