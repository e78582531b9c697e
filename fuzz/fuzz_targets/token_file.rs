//! A file of bearer tokens, as the program reads it.

#![no_main]
#![forbid(unsafe_code)]

use image_service_config::TokenFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let tokens = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    // A line that may be a token with a mistake in it is refused, and the error does not show it.
    let mistaken = TokenFile::parse(&format!("{text}\n{SECRET} {SECRET}"));
    assert!(mistaken.is_err_and(|error| !format!("{error:#}{error:?}").contains(SECRET)));
    match TokenFile::parse(text) {
        Ok(file) => {
            // No line is left out, and none lets anybody in who has no token: an empty one is none.
            assert_eq!(file.digests.len(), tokens.count());
            assert!(!file.digests.contains(&EMPTY));
            let lines = text.lines().count();
            assert!(file.weak.iter().all(|number| (1..=lines).contains(number)));
            // A further line adds its token, whatever stands before it.
            let more = TokenFile::parse(&format!("{text}\nsha256:{}", "ab".repeat(32)));
            assert_eq!(more.ok().and_then(|more| more.digests.last().copied()), Some([0xab; 32]));
        }
        Err(error) => assert!(format!("{error:#}").starts_with("line ")),
    }
});

const SECRET: &str = "marker-s3cret-0123456789";

/// The SHA-256 of nothing.
const EMPTY: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];
