//! Alternating runs, medians, and the table of the outcome.

use anyhow::{Context, Result};
use std::time::{Duration, Instant};

/// Runs of each subject. Their median is the result.
pub(crate) const RUNS: usize = 7;

/// One line of the table.
pub(crate) struct Row {
    pub(crate) work: String,
    pub(crate) figure: String,
    pub(crate) target: String,
    pub(crate) met: bool,
    /// The values behind the figure.
    pub(crate) from: String,
}

impl Row {
    /// A ratio that should be large.
    pub(crate) fn at_least(work: &str, ratio: f64, target: f64, from: String) -> Self {
        let (figure, target_text) = (format!("{ratio:.2}"), format!("at least {target}"));
        Self { work: work.to_owned(), figure, target: target_text, met: ratio >= target, from }
    }

    /// A figure that should be small.
    pub(crate) fn at_most(work: &str, figure: f64, target: f64, unit: &str, from: String) -> Self {
        let (shown, target_text) = (format!("{figure:.2}{unit}"), format!("at most {target}{unit}"));
        Self { work: work.to_owned(), figure: shown, target: target_text, met: figure <= target, from }
    }
}

/// The median.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs subjects in turns, so that other load on the machine affects all of them equally. Returns the median of each, in
/// their order. The first turn is a warm-up.
pub(crate) async fn alternate<const N: usize>(subjects: [&dyn AsyncSubject; N]) -> Result<[f64; N]> {
    let mut values: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
    for turn in 0..=RUNS {
        for (subject, values) in subjects.iter().zip(&mut values) {
            let value = subject.run().await?;
            if turn > 0 {
                values.push(value);
            }
        }
    }
    Ok(values.map(median))
}

/// Something to measure. It returns seconds, or requests per second.
pub(crate) trait AsyncSubject {
    fn run(&self) -> std::pin::Pin<Box<dyn Future<Output = Result<f64>> + '_>>;
}

impl<F, R> AsyncSubject for F
where
    F: Fn() -> R,
    R: Future<Output = Result<f64>> + 'static,
{
    fn run(&self) -> std::pin::Pin<Box<dyn Future<Output = Result<f64>> + '_>> {
        Box::pin(self())
    }
}

/// Seconds that some work takes.
pub(crate) async fn seconds<T>(work: impl Future<Output = Result<T>>) -> Result<f64> {
    let begun = Instant::now();
    work.await?;
    Ok(begun.elapsed().as_secs_f64())
}

/// MiB of a process's memory: `VmRSS` now, `VmHWM` at its peak.
pub(crate) fn memory(pid: u32, kind: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(':'));
    let kilobytes: f64 = line.with_context(|| format!("no {kind}"))?.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes / 1024.0)
}

/// The time in milliseconds, for people.
pub(crate) fn ms(seconds: f64) -> String {
    let duration = Duration::from_secs_f64(seconds);
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}

/// The rows as a table in Markdown.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = "| work | figure | target | met | from |\n|---|---|---|---|---|".to_owned();
    for Row { work, figure, target, met, from } in rows {
        let met = if *met { "yes" } else { "no" };
        text.push_str(&format!("\n| {work} | {figure} | {target} | {met} | {from} |"));
    }
    text
}
