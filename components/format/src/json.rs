//! Strings as JSON writes them: most hold nothing that needs an escape, and are copied as they are.

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH: u64 = ONES << 7;

/// Writes a string with its quotes.
pub(crate) fn string(buffer: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes()) {
        buffer.reserve(text.len() + 2);
        buffer.push(b'"');
        buffer.extend_from_slice(text.as_bytes());
        buffer.push(b'"');
    } else {
        // Writing strings into memory can't fail.
        let _ = serde_json::to_writer(buffer, text);
    }
}

/// Whether no byte has to be escaped (RFC 8259, section 7): no control character, quote or backslash.
fn is_plain(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut words = words.iter();
    if !words.all(|word| is_plain_word(*word)) {
        return false;
    }
    match bytes.last_chunk::<8>() {
        // Some of it a second time, which is less than byte by byte.
        Some(last) => is_plain_word(*last),
        None => rest.iter().all(|byte| *byte >= b' ' && !matches!(byte, b'"' | b'\\')),
    }
}

/// The same of eight bytes at a time: what is subtracted from a byte that is smaller borrows its highest bit, unless that
/// was set before.
fn is_plain_word(word: [u8; 8]) -> bool {
    let word = u64::from_le_bytes(word);
    let less = |word: u64, than: u8| word.wrapping_sub(ONES * u64::from(than)) & !word;
    let is = |byte: u8| less(word ^ (ONES * u64::from(byte)), 1);
    (less(word, b' ') | is(b'"') | is(b'\\')) & HIGH == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_those_of_serde_json_wherever_an_escape_stands() {
        for character in (0..=0x100).filter_map(char::from_u32).chain(['\u{2028}', '😀']) {
            for before in 0..20 {
                let text = format!("{}{character}{}", "a".repeat(before), "é".repeat(20 - before));
                let mut written = Vec::new();
                string(&mut written, &text);
                assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(&text).unwrap());
            }
        }
    }

    #[test]
    fn most_strings_are_plain() {
        for text in ["", "registry.k8s.io/pause", "sha256:e6f181688397", "é\u{7f}", "<none>"] {
            assert!(is_plain(text.as_bytes()), "{text:?}");
        }
    }
}
