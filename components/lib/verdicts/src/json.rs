//! Rows, nodes, the registry and failures as JSON. Each borrows what it shows.

use crate::config::Outdated;
use crate::digest::DigestText;
use crate::inventory::Inventory;
use crate::reason::Reason;
use crate::row::{RegistryArtifact, Row};
use crate::source_state::{self, NodeSummary};
use crate::verdict::{Counts, Verdict, Verdicts};
use image_model::{protocol, size};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::borrow::Cow;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(crate) use image_model::json::write;

/// An instant as RFC 3339 writes it; `None` for one beyond the calendar.
pub(crate) fn instant(milliseconds: u64) -> Option<String> {
    let nanoseconds = i128::from(milliseconds) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()?.format(&Rfc3339).ok()
}

#[derive(Serialize)]
pub(crate) struct RowJson<'a> {
    reference: Option<Cow<'a, str>>,
    repository: Option<&'a str>,
    tag: Option<&'a str>,
    image_id: Option<&'a str>,
    digests: Sequence<DigestsOf<'a>>,
    bytes: u64,
    size: String,
    pinned: bool,
    nodes: &'a [String],
    node_count: u64,
    harbor: Option<ArtifactJson<'a>>,
    verdicts: VerdictsJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    newer: Option<NewerJson<'a>>,
}

impl<'a> RowJson<'a> {
    pub(crate) fn of(row: &Row<'a>) -> Self {
        Self {
            reference: row.reference(),
            repository: row.repository(),
            tag: row.tag(),
            image_id: row.image_id(),
            digests: Sequence(DigestsOf(*row)),
            bytes: row.bytes(),
            size: size::human(row.bytes()),
            pinned: row.pinned(),
            nodes: row.nodes(),
            node_count: row.node_count(),
            harbor: row.artifact().map(|artifact| ArtifactJson::of(row, &artifact)),
            verdicts: VerdictsJson(row.verdicts()),
            reason: row.reason().map(ReasonJson::of),
            newer: row.newer().map(|(tag, level)| NewerJson { tag, level: Outdated::text(level) }),
        }
    }
}

#[derive(Serialize)]
struct ArtifactJson<'a> {
    project: &'a str,
    repository: &'a str,
    digest: DigestText<'a>,
    bytes: u64,
    pushed_at: Option<String>,
    pulled_at: Option<String>,
    same_digest_tags: Vec<&'a str>,
}

impl<'a> ArtifactJson<'a> {
    fn of(row: &Row<'a>, artifact: &RegistryArtifact<'a>) -> Self {
        let (project, repository) = artifact.name();
        Self {
            project,
            repository,
            digest: artifact.digest(),
            bytes: artifact.bytes(),
            pushed_at: artifact.pushed().and_then(instant),
            pulled_at: artifact.pulled().and_then(instant),
            same_digest_tags: row.same_digest_tags(),
        }
    }
}

#[derive(Serialize)]
struct ReasonJson {
    code: &'static str,
    message: &'static str,
}

impl ReasonJson {
    fn of(reason: Reason) -> Self {
        Self { code: reason.label(), message: reason.sentence() }
    }
}

#[derive(Serialize)]
struct NewerJson<'a> {
    tag: &'a str,
    level: &'static str,
}

/// Something that has a sequence of items.
pub(crate) struct Sequence<T>(pub(crate) T);

pub(crate) struct DigestsOf<'a>(Row<'a>);

impl Serialize for Sequence<DigestsOf<'_>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.0.digests())
    }
}

struct VerdictsJson(Verdicts);

impl Serialize for VerdictsJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Verdict::label))
    }
}

/// Counts by verdict, zeros too: "nothing is missing" is an answer.
pub(crate) struct CountsJson {
    pub(crate) counts: Counts,
    pub(crate) with_outdated: bool,
}

impl Serialize for CountsJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for verdict in Verdict::ALL {
            if verdict != Verdict::Outdated || self.with_outdated {
                map.serialize_entry(verdict.label(), &self.counts.of(verdict))?;
            }
        }
        map.end()
    }
}

#[derive(Serialize)]
pub(crate) struct NodeJson<'a> {
    name: &'a str,
    state: &'static str,
    age_seconds: Option<u64>,
    images: u64,
    bytes: u64,
}

impl<'a> NodeJson<'a> {
    pub(crate) fn of(NodeSummary { node, images, bytes }: NodeSummary<'a>) -> Self {
        let state = source_state::node_state(node.state);
        Self { name: &node.name, state, age_seconds: node.age, images, bytes }
    }
}

#[derive(Serialize)]
pub(crate) struct RegistryJson<'a> {
    url: &'a str,
    version: Option<&'a str>,
    state: &'static str,
    age_seconds: u64,
}

#[derive(Serialize)]
pub(crate) struct FailureJson<'a> {
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<&'a str>,
    code: &'static str,
    error: &'a str,
}

/// What every answer begins with.
#[derive(Serialize)]
pub(crate) struct HeadJson<'a> {
    generated_at: Option<String>,
    nodes: Vec<NodeJson<'a>>,
    registry: Option<RegistryJson<'a>>,
    total: u64,
    counts: CountsJson,
}

impl Inventory {
    pub(crate) fn head_json(&self, generated_at: u64, total: u64, counts: Counts) -> HeadJson<'_> {
        HeadJson {
            // Whole seconds: nobody asked for more.
            generated_at: instant(generated_at / 1000 * 1000),
            nodes: self.nodes().into_iter().map(NodeJson::of).collect(),
            registry: self.registry_json(),
            total,
            counts: CountsJson { counts, with_outdated: self.config.outdated != Outdated::Off },
        }
    }

    fn registry_json(&self) -> Option<RegistryJson<'_>> {
        let state = self.registry_state()?;
        Some(RegistryJson {
            url: self.config.url.as_deref()?,
            version: self.end.registry.as_ref().and_then(|registry| registry.version.as_deref()),
            state: state.label(),
            age_seconds: self.begin.get().age,
        })
    }

    pub(crate) fn failures_json(&self) -> Vec<FailureJson<'_>> {
        let failures = self.failures().map(|(source, failure)| FailureJson {
            source,
            node: failure.node.as_deref(),
            repository: failure.repository.as_deref(),
            code: protocol::failure_code(failure.code),
            error: &failure.message,
        });
        failures.collect()
    }
}
