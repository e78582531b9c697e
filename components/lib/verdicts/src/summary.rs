//! How many rows have each verdict: the header by which a handler tells its host, whatever rows the query wants.

use crate::config::Outdated;
use crate::inventory::Inventory;
use crate::verdict::{Counts, Verdict};
use image_model::types::NodeState;

/// How many of all rows have each verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictSummary {
    /// The rows by verdict, zeros too: "nothing is missing" is an answer.
    pub rows: Vec<(Verdict, u64)>,
    /// Seconds since a source was asked for the rows: the source whose rows are the oldest.
    pub age: u64,
}

impl VerdictSummary {
    /// The value of the header, such as `missing=2, drifted=5; age=12`.
    pub fn header_value(&self) -> String {
        let rows: Vec<_> = self.rows.iter().map(|(verdict, rows)| format!("{verdict}={rows}")).collect();
        format!("{}; age={}", rows.join(", "), self.age)
    }

    /// Reads the value of a header; `None` where it is none. Verdicts of handlers of other authors are left out.
    pub fn of_header(value: &str) -> Option<Self> {
        let (rows, age) = value.split_once("; age=")?;
        let rows = rows.split(", ").map(|item| {
            let (label, rows) = item.split_once('=')?;
            Some((Verdict::of_label(label), rows.parse().ok()?))
        });
        let rows: Vec<(Option<Verdict>, u64)> = rows.collect::<Option<_>>()?;
        let rows = rows.into_iter().filter_map(|(verdict, rows)| Some((verdict?, rows))).collect();
        Some(Self { rows, age: age.parse().ok()? })
    }
}

impl Inventory {
    /// How many of all rows have each verdict. `None` where that says nothing: Harbor is off, so there are no verdicts, or no node
    /// gave rows, of which none could be missing.
    pub fn verdict_summary(&self) -> Option<VerdictSummary> {
        self.config.url.as_ref()?;
        let nodes = self.nodes.groups.iter().flat_map(|group| &group.nodes);
        let known = nodes.filter(|node| matches!(node.state, NodeState::Answered | NodeState::Stale));
        let nodes_age = known.map(|node| node.age.unwrap_or_default()).max()?;
        let mut counts = Counts::default();
        self.rows.iter().for_each(|row| counts.add(row.verdicts));
        counts.add_many(self.only_verdicts, self.only_in_registry.len() as u64);
        let shown = Verdict::ALL
            .into_iter()
            .filter(|verdict| *verdict != Verdict::Outdated || self.config.outdated != Outdated::Off);
        let rows = shown.map(|verdict| (verdict, counts.of(verdict))).collect();
        Some(VerdictSummary { rows, age: nodes_age.max(self.begin.get().age) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_reads_back() {
        let summary = VerdictSummary { rows: vec![(Verdict::Missing, 2), (Verdict::OnNoNode, 0)], age: 12 };
        assert_eq!(summary.header_value(), "missing=2, on_no_node=0; age=12");
        assert_eq!(VerdictSummary::of_header(&summary.header_value()), Some(summary));
    }

    #[test]
    fn a_header_with_other_verdicts_reads_without_them_and_nonsense_is_no_summary() {
        let other = VerdictSummary::of_header("missing=1, lost=4; age=0").unwrap();
        assert_eq!(other.rows, [(Verdict::Missing, 1)]);
        for nonsense in ["", "missing=1", "missing; age=1", "missing=-1; age=1", "missing=1; age=old"] {
            assert_eq!(VerdictSummary::of_header(nonsense), None, "{nonsense:?}");
        }
    }
}
