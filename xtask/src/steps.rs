//! The steps of a task: the time that each one took, and its budget.

use anyhow::Result;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A step, and its budget.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    name: &'static str,
    budget: Duration,
}

impl Step {
    const fn new(name: &'static str, seconds: u64) -> Self {
        Self { name, budget: Duration::from_secs(seconds) }
    }
}

// The budgets: seconds of wall time on two idle cores, with an empty target/. A new or slower step must save its time in
// another one: a first `cargo xtask demo` may take 8 minutes, `.ci/run` 30. Counting instructions is no step of it.
pub(crate) const COMPONENTS: Step = Step::new("build the components", 75);
pub(crate) const HOST: Step = Step::new("build the composer and the precompiler", 380);
pub(crate) const COMPOSE: Step = Step::new("compose the components", 5);
pub(crate) const PRECOMPILE: Step = Step::new("compile the compositions", 10);
pub(crate) const SBOM: Step = Step::new("write the SBOM", 5);
pub(crate) const PROGRAM: Step = Step::new("build the program", 15);
pub(crate) const SHIPPED: Step = Step::new("build the shipped program", 900);
pub(crate) const PAGE: Step = Step::new("build the page", 20);
pub(crate) const FORMAT: Step = Step::new("check the formatting", 10);
pub(crate) const LAYERS: Step = Step::new("check layers and circles", 5);
pub(crate) const CLIPPY: Step = Step::new("run clippy", 210);
pub(crate) const TEST_COMPONENTS: Step = Step::new("build the components of the tests", 25);
pub(crate) const BUILD_TESTS: Step = Step::new("build the tests", 100);
pub(crate) const UNIT_TESTS: Step = Step::new("run the unit tests", 30);
pub(crate) const E2E_TESTS: Step = Step::new("run the end-to-end tests", 400);
pub(crate) const BUILD_FUZZ: Step = Step::new("build the fuzz targets", 90);
pub(crate) const FUZZ: Step = Step::new("run the fuzz targets", 40);
pub(crate) const INSTRUCTIONS: Step = Step::new("count instructions", 550);

/// The steps that ran, in their order, with their times.
static FINISHED: Mutex<Vec<(Step, Duration)>> = Mutex::new(Vec::new());

/// Runs a step, and records its time, also after a failure.
pub(crate) fn step<T>(step: Step, run: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let outcome = run();
    FINISHED.lock().unwrap_or_else(PoisonError::into_inner).push((step, start.elapsed()));
    outcome
}

/// Prints the time of each step on stderr, and names each step that took more than twice its budget. That is no failure: the
/// machine may be slow or busy.
pub(crate) fn report() {
    let taken = std::mem::take(&mut *FINISHED.lock().unwrap_or_else(PoisonError::into_inner));
    eprint!("{}", text(&taken));
}

fn text(taken: &[(Step, Duration)]) -> String {
    let mut text = String::new();
    for (step, took) in taken {
        let _ = writeln!(text, "{:>8.1} s  {}", took.as_secs_f64(), step.name);
    }
    if taken.len() > 1 {
        let total: Duration = taken.iter().map(|(_, took)| took).sum();
        let _ = writeln!(text, "{:>8.1} s  in all", total.as_secs_f64());
    }
    for (step, took) in taken.iter().filter(|(step, took)| *took > step.budget.saturating_mul(2)) {
        let (took, budget) = (took.as_secs_f64(), step.budget.as_secs());
        let _ = writeln!(
            text,
            "SLOW: {:?} took {took:.0} s, more than twice its budget of {budget} s. On a machine with two free cores, find \
             out why; the budgets are in xtask/src/steps.rs",
            step.name
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Step = Step::new("quick", 10);

    #[test]
    fn the_report_has_each_step_and_the_sum() {
        let text = text(&[(QUICK, Duration::from_secs(19)), (QUICK, Duration::from_millis(500))]);
        assert_eq!(text, "    19.0 s  quick\n     0.5 s  quick\n    19.5 s  in all\n");
    }

    #[test]
    fn a_step_that_takes_more_than_twice_its_budget_is_named() {
        let text = text(&[(QUICK, Duration::from_secs(21))]);
        assert!(text.contains("SLOW: \"quick\" took 21 s, more than twice its budget of 10 s"), "{text}");
    }
}
