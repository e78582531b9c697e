//! images_to_ignore.txt.

#![no_main]
#![forbid(unsafe_code)]

use image_model::ignore::IgnoreList;
use libfuzzer_sys::fuzz_target;

const ID: &str = "sha256:b9f02c9a43cedefffa284a0fb5fb3e43118f5b501efbb855286bce3daf1ae90c";

fuzz_target!(|text: &str| {
    let list = IgnoreList::parse(text);
    let lines = text.lines().count();
    assert!(list.skipped().len() <= lines);
    for skipped in list.skipped() {
        assert!((1..=lines).contains(&skipped.line()), "{skipped}");
    }
    // A word that is no id names no image, however the text quotes it. Before a colon stands the algorithm of an id.
    for word in text.split([',', '\n', '"', ' ']).filter(|word| !word.contains(':')) {
        if word.chars().take(12).any(|c| !c.is_ascii_hexdigit()) {
            assert!(!list.contains(word), "{word:?} is no id");
        }
    }
    assert!(!list.contains(""));
    // A line of its own counts, whatever the lines before it hold.
    assert!(IgnoreList::parse(&format!("{text}\n{ID}\n")).contains(ID), "an id after {text:?}");
});
