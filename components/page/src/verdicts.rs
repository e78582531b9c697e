//! The verdicts and their words, worst first. They stand in verdicts.json, which the page's script reads as well.

#![forbid(unsafe_code)]

use serde::Deserialize;
use std::sync::LazyLock;

/// A verdict, as people read it.
#[derive(Debug, Deserialize)]
pub(crate) struct Verdict {
    #[serde(rename = "verdict")]
    pub(crate) name: String,
    pub(crate) label: String,
    /// The class of its colour.
    pub(crate) tone: String,
    /// Whether somebody should look at it.
    pub(crate) attention: bool,
    /// The path of its shape, in a box of 16 by 16.
    pub(crate) icon: String,
    #[serde(default)]
    pub(crate) dashed: bool,
    /// What the images of this verdict do, in a sentence about all of them; of those only that somebody should look at.
    pub(crate) phrase: Option<String>,
    /// One sentence: what it means.
    pub(crate) meaning: String,
    /// One sentence: what to do.
    pub(crate) todo: String,
}

/// All of them, worst first.
pub(crate) static VERDICTS: LazyLock<Vec<Verdict>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../verdicts.json")).unwrap_or_default());

/// A verdict by its name.
pub(crate) fn find(name: &str) -> Option<&'static Verdict> {
    VERDICTS.iter().find(|verdict| verdict.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::verdicts::Verdict as Given;

    #[test]
    fn the_verdicts_that_are_given_are_those_that_have_words_and_in_the_same_order() {
        let names: Vec<_> = VERDICTS.iter().map(|verdict| verdict.name.as_str()).collect();
        assert_eq!(names, Given::WORST_FIRST.map(Given::label));
    }

    #[test]
    fn each_verdict_says_in_one_sentence_what_it_means_and_in_one_what_to_do() {
        for verdict in VERDICTS.iter() {
            for sentence in [&verdict.meaning, &verdict.todo] {
                assert!(sentence.ends_with('.') && !sentence.contains(". "), "{}: {sentence}", verdict.name);
            }
            assert_eq!(verdict.phrase.is_some(), verdict.attention, "{}", verdict.name);
            assert!(verdict.icon.starts_with('M') && !verdict.label.is_empty(), "{}", verdict.name);
        }
    }
}
