//! `cargo xtask test`: builds everything, and runs all tests or those of some areas.

mod failed;

use crate::build::{build, test_components};
use crate::executables::{Executable, executables};
use crate::fuzz::fuzz;
use crate::run::{cargo_command, native_arguments, target};
use crate::steps::{self, step};
use anyhow::{Context, Result, bail, ensure};
use failed::Failed;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long each fuzz target runs here: enough for its seeds, which include earlier findings, and for new bugs that are
/// easy to find.
const FUZZ_DURATION: Duration = Duration::from_secs(3);

/// Runs all tests; or, where areas are named, the unit tests of their packages and the end-to-end tests of their names.
pub(crate) fn test(areas: &[String]) -> Result<()> {
    build()?;
    test_components()?;
    let tests = step(steps::BUILD_TESTS, || built(areas.is_empty()))?;
    let (end_to_end, unit): (Vec<_>, Vec<_>) = tests.into_iter().partition(is_end_to_end);
    let unit: Vec<_> = unit.into_iter().filter(|tests| is_of(tests, areas)).collect();
    let end_to_end: Vec<_> = end_to_end.into_iter().filter(|tests| has_any(tests, areas)).collect();
    if unit.is_empty() && end_to_end.is_empty() {
        bail!("no package and no end-to-end test has {} in its name", areas.join(" or "));
    }
    step(steps::UNIT_TESTS, || unit.iter().try_for_each(|tests| run_tests(tests, &[])))?;
    step(steps::E2E_TESTS, || end_to_end.iter().try_for_each(|tests| run_tests(tests, areas)))?;
    if let Ok(times) = std::fs::read_to_string(target().join("e2e-times")) {
        print!("{}", slowest(&times));
    }
    if areas.is_empty() { fuzz(None, FUZZ_DURATION) } else { Ok(()) }
}

/// How many slow tests a run names.
const SLOWEST_COUNT: usize = 10;

/// The slowest end-to-end tests, from the lines that each test writes: its seconds and its name.
fn slowest(times: &str) -> String {
    let seconds = |line: &str| line.split_whitespace().next().and_then(|text| text.parse::<f64>().ok());
    let mut lines: Vec<(f64, &str)> = times.lines().filter_map(|line| Some((seconds(line)?, line))).collect();
    lines.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let slowest = lines.iter().take(SLOWEST_COUNT).map(|(_, line)| format!("{line}\n"));
    format!("the slowest tests, in seconds:\n{}", slowest.collect::<String>())
}

/// Builds the tests of the whole workspace, even if few will run: for fewer packages, cargo would give dependencies other
/// features and compile them again.
fn built(with_programs: bool) -> Result<Vec<Executable>> {
    // `--lib`, because cargo can link a component's unit tests for this machine, but not the component itself.
    let mut arguments = vec!["test", "--lib", "--test", "*", "--no-run"];
    if with_programs {
        arguments.push("--bins");
    }
    let built = executables(cargo_command().args(native_arguments(&arguments)?))?;
    Ok(built.into_iter().filter(|executable| executable.is_test).collect())
}

fn is_end_to_end(tests: &Executable) -> bool {
    tests.kind.iter().any(|kind| kind == "test")
}

fn is_of(tests: &Executable, areas: &[String]) -> bool {
    areas.is_empty() || areas.iter().any(|area| tests.package.contains(area.as_str()))
}

/// Whether any test has one of these words in its name.
fn has_any(tests: &Executable, filters: &[String]) -> bool {
    let output = command(tests, filters).arg("--list").output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(": test"))
}

/// Runs them, and passes on what they print. Tells at the end why some failed.
fn run_tests(tests: &Executable, filters: &[String]) -> Result<()> {
    println!("tests of {} ({})", tests.package, tests.target);
    let mut running = command(tests, filters).stdout(Stdio::piped()).spawn().context("starting the tests")?;
    let mut failed = Failed::default();
    for line in BufReader::new(running.stdout.take().context("the tests have no output")?).lines() {
        let line = line.context("reading what the tests print")?;
        println!("{line}");
        failed.take(&line);
    }
    let status = running.wait()?;
    ensure!(status.success(), "the tests of {} failed ({status})\n\n{}", tests.package, failed.text());
    Ok(())
}

/// The command for the tests with one of these words in their names, or for all.
fn command(tests: &Executable, filters: &[String]) -> Command {
    let mut command = Command::new(&tests.path);
    command.args(filters).current_dir(&tests.folder).env("CARGO_MANIFEST_DIR", &tests.folder);
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn the_slowest_tests_come_first() {
        let times: String = (0..20).map(|number| format!("{:8.2} area::test_{number}\n", f64::from(number))).collect();
        let shown = slowest(&times);
        assert_eq!(shown.lines().count(), 1 + SLOWEST_COUNT);
        assert_eq!(shown.lines().nth(1).unwrap().trim(), "19.00 area::test_19");
    }

    #[test]
    fn an_area_is_part_of_a_packages_name() {
        let tests = |package: &str| Executable {
            path: PathBuf::new(),
            folder: PathBuf::new(),
            package: package.to_owned(),
            target: package.to_owned(),
            kind: vec!["lib".to_owned()],
            is_test: true,
        };
        assert!(is_of(&tests("harbor-api"), &["harbor".to_owned()]));
        assert!(is_of(&tests("lister"), &[]));
        assert!(!is_of(&tests("lister"), &["harbor".to_owned(), "filter".to_owned()]));
    }
}
