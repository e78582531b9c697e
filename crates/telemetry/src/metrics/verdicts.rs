//! Rows by verdict. Once nobody looked for a while, they are absent: old numbers would look as if all were well.

use crate::moment::Moment;
use prometheus::{GaugeVec, IntGaugeVec};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How many rows have each verdict.
pub struct VerdictRows<'a> {
    /// The label of each verdict, and its rows.
    pub rows: &'a [(&'static str, u64)],
    /// The age of the oldest rows that were compared.
    pub age: Duration,
    /// How long the numbers count from now on.
    pub lifetime: Duration,
}

/// The metrics, and what they show now.
pub(super) struct Verdicts {
    rows: IntGaugeVec,
    timestamp: GaugeVec,
    shown: Mutex<Option<Shown>>,
}

struct Shown {
    until: Moment,
    labels: Vec<&'static str>,
}

impl Verdicts {
    /// Nothing so far. `rows` has the label of the verdict, `timestamp` has none: a vector, because only a vector can be empty.
    pub(super) fn new(rows: IntGaugeVec, timestamp: GaugeVec) -> Self {
        Self { rows, timestamp, shown: Mutex::default() }
    }

    pub(super) fn show(&self, VerdictRows { rows, age, lifetime }: &VerdictRows<'_>) {
        let mut shown = self.lock();
        let before = shown.take().map(|shown| shown.labels).unwrap_or_default();
        let labels: Vec<_> = rows.iter().map(|(label, _)| *label).collect();
        // A scrape at this moment finds each label that stays.
        for gone in before.iter().filter(|label| !labels.contains(label)) {
            let _ = self.rows.remove_label_values(&[gone]);
        }
        for (label, rows) in *rows {
            self.rows.with_label_values(&[label]).set(i64::try_from(*rows).unwrap_or(i64::MAX));
        }
        self.timestamp.with_label_values::<&str>(&[]).set(seconds_at(*age));
        *shown = Some(Shown { until: Moment::now().after(*lifetime), labels });
    }

    pub(super) fn forget(&self) {
        Self::clear(&self.rows, &self.timestamp, &mut self.lock());
    }

    /// Forgets what does not count any more.
    pub(super) fn expire(&self) {
        let mut shown = self.lock();
        if shown.as_ref().is_some_and(|shown| shown.until <= Moment::now()) {
            Self::clear(&self.rows, &self.timestamp, &mut shown);
        }
    }

    fn clear(rows: &IntGaugeVec, timestamp: &GaugeVec, shown: &mut Option<Shown>) {
        rows.reset();
        timestamp.reset();
        *shown = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Shown>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time that was so long ago, in seconds since 1970.
fn seconds_at(age: Duration) -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.saturating_sub(age).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::core::Collector;
    use prometheus::{Opts, proto::MetricFamily};

    fn verdicts() -> Verdicts {
        let opts = |name| Opts::new(name, "help");
        let rows = IntGaugeVec::new(opts("rows"), &["verdict"]).unwrap();
        Verdicts::new(rows, GaugeVec::new(opts("timestamp"), &[]).unwrap())
    }

    /// The labels with their numbers.
    fn shown(verdicts: &Verdicts) -> Vec<(String, f64)> {
        verdicts.expire();
        let families = verdicts.rows.collect();
        let metrics = families.iter().flat_map(MetricFamily::get_metric);
        let mut shown: Vec<_> =
            metrics.map(|metric| (metric.get_label()[0].value().to_owned(), metric.get_gauge().get_value())).collect();
        shown.sort_by(|one, other| one.0.cmp(&other.0));
        shown
    }

    fn show(verdicts: &Verdicts, rows: &[(&'static str, u64)], lifetime: Duration) {
        verdicts.show(&VerdictRows { rows, age: Duration::from_secs(9), lifetime });
    }

    #[test]
    fn the_latest_numbers_are_shown_and_labels_that_are_gone_are_not() {
        let verdicts = verdicts();
        show(&verdicts, &[("missing", 2), ("outdated", 1)], Duration::MAX);
        show(&verdicts, &[("missing", 3)], Duration::MAX);
        assert_eq!(shown(&verdicts), [("missing".to_owned(), 3.0)]);
        let timestamp = verdicts.timestamp.with_label_values::<&str>(&[]).get();
        let age = seconds_at(Duration::ZERO) - timestamp;
        assert!((8.0..100.0).contains(&age), "{age}");
        verdicts.forget();
        assert_eq!(shown(&verdicts), []);
    }

    #[test]
    fn numbers_that_are_too_old_are_absent() {
        let verdicts = verdicts();
        show(&verdicts, &[("missing", 2)], Duration::ZERO);
        assert_eq!(shown(&verdicts), []);
        assert!(verdicts.timestamp.collect().iter().all(|family| family.get_metric().is_empty()));
    }
}
