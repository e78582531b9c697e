//! The verdict of one reference by what Harbor has. The first that holds counts.

use crate::artifacts::Artifacts;
use crate::evidence::Evidence;
use crate::location::{Location, Whose};
use crate::node_rows::NodeRow;
use crate::reason::Reason;
use crate::verdict::Verdict;

/// The verdict; the reason where it can't be told.
pub(crate) fn judge(
    row: &NodeRow,
    whose: &Whose,
    artifacts: &Artifacts,
    evidence: &Evidence,
) -> Result<Verdict, Reason> {
    let location = match whose {
        Whose::NoName => return Err(Reason::NoName),
        Whose::Foreign => return Ok(Verdict::Foreign),
        Whose::Unsure => return Err(Reason::NamesUnknown),
        Whose::Nowhere => return Err(Reason::NoProject),
        Whose::Harbor(location) => location,
    };
    if row.judged_digests().is_empty() {
        return Err(Reason::NoDigest);
    }
    if let Some(distrust) = evidence.distrust() {
        return Err(distrust);
    }
    if is_proxied(location, evidence) {
        return proxied(row, location, evidence);
    }
    match (row.own_digest, row.tagged) {
        (None, Some(tagged)) => by_tag(row, tagged, location, evidence),
        (Some(_), _) if row.holders.iter().any(|holder| !artifacts.tag_numbers(*holder).is_empty()) => {
            Ok(Verdict::InSync)
        }
        _ if row.holders.is_empty() => absent(row, location, evidence),
        _ => untagged(row, location, evidence),
    }
}

/// Whether tags mean nothing there.
pub(crate) fn is_proxied(location: &Location, evidence: &Evidence) -> bool {
    location.mirrored || evidence.project(&location.project).is_some_and(|facts| facts.proxy_cache)
}

fn proxied(row: &NodeRow, location: &Location, evidence: &Evidence) -> Result<Verdict, Reason> {
    if !row.holders.is_empty() {
        return Ok(Verdict::InSync);
    }
    match evidence.doubt_of_absence(&location.project, &location.full) {
        Some(doubt) if !row.digests_absent() => Err(doubt),
        _ => Ok(Verdict::Proxied),
    }
}

fn by_tag(row: &NodeRow, tagged: u32, location: &Location, evidence: &Evidence) -> Result<Verdict, Reason> {
    if row.holders.contains(&tagged) {
        return Ok(Verdict::InSync);
    }
    // The project may be a proxy cache, whose tags mean nothing.
    if evidence.project(&location.project).is_none() {
        return Err(evidence.doubt_of_tags(&location.project, &location.full).unwrap_or(Reason::ProjectNotSeen));
    }
    Ok(Verdict::Drifted)
}

fn untagged(row: &NodeRow, location: &Location, evidence: &Evidence) -> Result<Verdict, Reason> {
    match evidence.doubt_of_tags(&location.project, &location.full) {
        Some(doubt) if !row.tag_absent => Err(doubt),
        _ => Ok(Verdict::Untagged),
    }
}

fn absent(row: &NodeRow, location: &Location, evidence: &Evidence) -> Result<Verdict, Reason> {
    match evidence.doubt_of_absence(&location.project, &location.full) {
        Some(doubt) if !(row.digests_absent() && (row.tag_absent || row.own_digest.is_some())) => Err(doubt),
        _ => Ok(Verdict::Missing),
    }
}
