//! What the program uses, as the system and its own metrics tell.

use anyhow::{Context, Result};
use image_service_tests::Program;
use std::collections::BTreeMap;
use std::fmt;

/// By how much memory may differ.
const MEMORY: f64 = 1.10;

/// What has to go back to where it was, in the program's own metrics.
const METRICS: [&str; 5] = [
    "image_service_instances",
    "image_service_connections",
    "image_service_requests_in_flight",
    "image_service_upstream_requests_in_flight",
    "image_service_pool_used",
];

/// What it uses at a moment.
pub(crate) struct Usage {
    kilobytes: f64,
    held: BTreeMap<String, f64>,
}

impl Usage {
    pub(crate) async fn of(program: &Program) -> Result<Self> {
        let process = format!("/proc/{}", program.pid());
        let status = std::fs::read_to_string(format!("{process}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS in status")?;
        let kilobytes = resident.trim().trim_end_matches(" kB").parse()?;
        let metrics = program.metrics().await?;
        let samples = metrics.iter().filter(|(name, _)| METRICS.contains(&name.split('{').next().unwrap_or_default()));
        let mut held: BTreeMap<String, f64> = samples.map(|(name, value)| (name.to_owned(), value)).collect();
        let count =
            |folder: &str| Ok::<_, std::io::Error>(std::fs::read_dir(format!("{process}/{folder}"))?.count() as f64);
        held.insert("file descriptors".to_owned(), count("fd")?);
        held.insert("threads".to_owned(), count("task")?);
        held.insert("child processes".to_owned(), children(&process)? as f64);
        Ok(Self { kilobytes, held })
    }

    /// What it uses more of than it did then, a sentence each.
    pub(crate) fn beyond(&self, before: &Self) -> Vec<String> {
        let mut leaks: Vec<String> = self
            .held
            .iter()
            .filter_map(|(name, now)| {
                let then = before.held.get(name).copied().unwrap_or_default();
                (*now > then).then(|| format!("{name}: {now}, where there were {then}"))
            })
            .collect();
        if self.kilobytes > before.kilobytes * MEMORY {
            leaks.push(format!("memory: {} kB, where {} kB were resident", self.kilobytes, before.kilobytes));
        }
        leaks
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {:>8} kB resident", self.kilobytes)?;
        for (name, value) in &self.held {
            writeln!(f, "  {value:>8} {name}")?;
        }
        Ok(())
    }
}

/// Processes that it started and that are still there, zombies too.
fn children(process: &str) -> Result<usize> {
    let mut count = 0;
    for thread in std::fs::read_dir(format!("{process}/task"))? {
        // A thread may end meanwhile.
        let children = std::fs::read_to_string(thread?.path().join("children")).unwrap_or_default();
        count += children.split_whitespace().count();
    }
    Ok(count)
}
