//! What `/metrics` says, sample by sample.

use anyhow::{Context, Result};
use std::collections::BTreeMap;

/// All samples of a scrape, by name and labels as they stand there, such as `image_service_requests_total{route="/images",status="200"}`.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// The whole text.
    pub text: String,
    samples: BTreeMap<String, f64>,
}

impl Metrics {
    /// Reads Prometheus' text format.
    pub(crate) fn read(text: String) -> Result<Self> {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let samples = samples.map(|line| {
            let (name, value) = line.rsplit_once(' ').with_context(|| format!("no sample: {line}"))?;
            Ok((name.to_owned(), value.parse().with_context(|| format!("no number: {line}"))?))
        });
        Ok(Self { samples: samples.collect::<Result<_>>()?, text })
    }

    /// The value of a sample, if there is one.
    pub fn get(&self, sample: &str) -> Option<f64> {
        self.samples.get(sample).copied()
    }

    /// All samples and their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.samples.iter().map(|(sample, value)| (sample.as_str(), *value))
    }
}
