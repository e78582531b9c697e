//! Strings as JSON writes them. Most need no escape, and are copied as they are.

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
    let (blocks, rest) = bytes.as_chunks();
    match bytes.last_chunk() {
        // The last block overlaps the one before it, which costs less than a loop over single bytes.
        Some(last) => blocks.iter().all(is_plain_block) && is_plain_block(last),
        None => rest.iter().all(|byte| *byte >= b' ' && !matches!(byte, b'"' | b'\\')),
    }
}

/// [`is_plain`] for the 16 bytes of one SIMD instruction. It looks at all bytes for one reason after another: with an early
/// end, compilers make it a loop.
fn is_plain_block(block: &[u8; 16]) -> bool {
    let any = |is: fn(&u8) -> bool| block.iter().fold(false, |found, byte| found | is(byte));
    !(any(|byte| *byte < b' ') || any(|byte| *byte == b'"') || any(|byte| *byte == b'\\'))
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
