//! Why tests failed, in short: a long log is often cut in its middle, where the test harness says so.

use std::fmt::Write as _;

/// Most tests that are told.
const MAX_TESTS: usize = 20;
/// Most characters of each.
const MAX_CHARACTERS: usize = 1_000;

/// The failures that the output of a test harness tells.
#[derive(Default)]
pub(super) struct Failed {
    /// Each test's name, and what it said.
    tests: Vec<(String, String)>,
    is_open: bool,
}

impl Failed {
    /// Takes the next line of the output.
    pub(super) fn take(&mut self, line: &str) {
        if let Some(name) = line.strip_prefix("---- ").and_then(|line| line.strip_suffix(" stdout ----")) {
            self.tests.push((name.to_owned(), String::new()));
            self.is_open = true;
        } else if line == "failures:" || line == "stack backtrace:" {
            self.is_open = false;
        } else if let Some((_, said)) = self.tests.last_mut().filter(|_| self.is_open && !line.is_empty()) {
            let left = MAX_CHARACTERS.saturating_sub(said.len());
            said.extend(line.chars().take(left).chain((left > 0).then_some('\n')));
        }
    }

    /// All of them, a paragraph each.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (name, said) in self.tests.iter().take(MAX_TESTS) {
            let _ = writeln!(text, "{name}\n  {}", said.trim_end().replace('\n', "\n  "));
        }
        if let Some(more @ 1..) = self.tests.len().checked_sub(MAX_TESTS) {
            let _ = writeln!(text, "and {more} more");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failed_test_has_its_words_without_the_backtrace() {
        let output = "running 2 tests\ntest one ... FAILED\n\nfailures:\n\n---- one stdout ----\n\nthread 'one' panicked at a.rs:1:2:\n\
                      no\nstack backtrace:\n   0: begin\n\n---- two stdout ----\nError: late\n\n\nfailures:\n    one\n    two\n";
        let mut failed = Failed::default();
        output.lines().for_each(|line| failed.take(line));
        assert_eq!(failed.text(), "one\n  thread 'one' panicked at a.rs:1:2:\n  no\ntwo\n  Error: late\n");
    }

    #[test]
    fn long_words_and_many_tests_are_cut() {
        let mut failed = Failed::default();
        for number in 0..=MAX_TESTS {
            failed.take(&format!("---- test_{number} stdout ----"));
            failed.take(&"é".repeat(2 * MAX_CHARACTERS));
        }
        let text = failed.text();
        assert!(text.ends_with("and 1 more\n"));
        assert!(text.len() < 2 * MAX_TESTS * (MAX_CHARACTERS + 20));
    }
}
