//! What `/metrics` says, as lines that can be compared with `expected/metrics.txt`.

use image_service_tests::Metrics;
use std::collections::BTreeSet;

const EXPECTED: &str = include_str!("../expected/metrics.txt");

/// What to do about a difference.
const DIFFERENT: &str = "\
/metrics and tests/e2e/expected/metrics.txt differ. Operators' alerts and dashboards know metrics by these names.
+ stands on /metrics only: where the metric, label or value is meant, add it to the file and to docs/operations.md. A label \
needs a small, fixed set of values.
- stands in the file only: where it was renamed or removed, undo that; where it is new, make the test provoke it.
";

/// Lines such as `image_service_requests_total counter` and `image_service_requests_total route /images`.
pub(super) struct Facts(pub(super) BTreeSet<String>);

impl Facts {
    /// What `/metrics` says.
    pub(super) fn of(metrics: &Metrics) -> Self {
        let (mut facts, mut family) = (BTreeSet::new(), "");
        for line in metrics.text.lines() {
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                facts.insert(kind.to_owned());
                family = kind.split(' ').next().unwrap();
            } else if let Some((_, labels)) = line.split_once('{') {
                let (labels, _) = labels.split_once("\"} ").unwrap();
                for label in labels.split("\",") {
                    let (name, value) = label.split_once("=\"").unwrap();
                    facts.insert(format!("{family} {name} {}", placeholder(name, value).unwrap_or(value)));
                }
            }
        }
        Self(facts)
    }

    /// What the file says: a metric and its type, and below them each label and its values.
    pub(super) fn expected() -> Self {
        let (mut facts, mut family) = (BTreeSet::new(), "");
        for line in EXPECTED.lines().filter(|line| !line.starts_with('#')) {
            match line.strip_prefix("    ") {
                None => {
                    facts.insert(line.to_owned());
                    family = line.split(' ').next().unwrap();
                }
                Some(label) => {
                    let (name, values) = label.split_once(' ').unwrap();
                    facts.extend(values.split(' ').map(|value| format!("{family} {name} {value}")));
                }
            }
        }
        Self(facts)
    }

    pub(super) fn assert_expected(&self) {
        let expected = Self::expected();
        let new = self.0.difference(&expected.0).map(|fact| format!("+ {fact}\n"));
        let gone = expected.0.difference(&self.0).map(|fact| format!("- {fact}\n"));
        let different: String = new.chain(gone).collect();
        assert!(different.is_empty(), "{DIFFERENT}{different}");
    }
}

/// What the file has in place of a value of an open set, where the value is of its form.
fn placeholder(label: &str, value: &str) -> Option<&'static str> {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match label {
        "version" if value.split('.').count() == 3 && value.split('.').all(is_number) => Some("VERSION"),
        "status" if value.len() == 3 && is_number(value) => Some("STATUS"),
        _ => None,
    }
}
