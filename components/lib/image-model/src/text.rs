//! The text of a file that a person wrote: UTF-8, or UTF-16 as some editors and spreadsheets write it.

/// The text of these bytes. Those that are no text become `U+FFFD`, which costs only the lines that have them.
pub fn decode(bytes: &[u8]) -> String {
    let (little_endian, units) = match bytes {
        [0xff, 0xfe, units @ ..] => (true, units),
        [0xfe, 0xff, units @ ..] => (false, units),
        // Without a byte order mark: the first character of a line is one of ASCII, whose other byte is zero.
        [first, 0, ..] if *first != 0 => (true, bytes),
        [0, second, ..] if *second != 0 => (false, bytes),
        _ => return String::from_utf8_lossy(bytes).into_owned(),
    };
    let (pairs, _) = units.as_chunks::<2>();
    let unit = |pair: &[u8; 2]| if little_endian { u16::from_le_bytes(*pair) } else { u16::from_be_bytes(*pair) };
    char::decode_utf16(pairs.iter().map(unit)).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "IMAGE,TAG\r\nlocalhost:5000/é,1\r\n";

    #[test]
    fn utf_16_is_read_in_both_orders_with_and_without_its_mark() {
        let little: Vec<u8> = TEXT.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = TEXT.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in
            [little.clone(), big.clone(), [&[0xff, 0xfe], &little[..]].concat(), [&[0xfe, 0xff], &big[..]].concat()]
        {
            assert_eq!(decode(&bytes), TEXT);
        }
    }

    #[test]
    fn utf_8_stays_as_it_is_and_other_bytes_cost_only_their_characters() {
        assert_eq!(decode(TEXT.as_bytes()), TEXT);
        assert_eq!(decode(b"\xef\xbb\xbfIMAGE"), "\u{feff}IMAGE");
        assert_eq!(decode(b"caf\xe9\nb9f02c9a43ced"), "caf\u{fffd}\nb9f02c9a43ced");
        assert_eq!(decode(b""), "");
        assert_eq!(decode(b"\xff\xfe"), "");
    }
}
