//! Which repositories changed, by the marks that Harbor 2.16 and later sets at each change of a repository (`update_time`).

use super::endpoints;
use super::overview::{self, Repository, RepositoryCount};
use crate::api::Api;
use crate::artifact::Time;
use crate::page::Limits;
use crate::paging::{self, Truncated, WholeList};
use crate::repository_name::RepositoryName;
use std::collections::BTreeMap;
use time::OffsetDateTime;

/// How long before a moment the marks may lie of what changes after it. Harbor sets a mark before the change can be seen, and a
/// push may wait minutes for its quota between the two (goharbor/harbor#23789).
const OVERLAP_MICROSECONDS: i64 = 600 * 1_000_000;

/// A moment that no mark is older than of what changes from now on, where `newest` is the latest mark of all and Harbor's clock shows
/// `now`; in microseconds since 1970.
pub(super) fn beginning(newest: Option<i64>, now: Option<i64>) -> Option<i64> {
    // A mark in the future would hide all changes until then.
    let earlier = newest.zip(now).map(|(newest, now)| newest.min(now)).or(newest).or(now);
    earlier.map(|moment| moment.saturating_sub(OVERLAP_MICROSECONDS))
}

/// The repositories with a mark of some moment, or a later one.
pub(super) struct Changed {
    pub(super) repositories: BTreeMap<RepositoryName, RepositoryCount>,
    /// The moment, in microseconds since 1970.
    pub(super) since: i64,
}

/// What became of a repository since Harbor listed it.
pub(super) enum State {
    Unchanged,
    /// It changed, or was pulled from. Harbor says this of it now.
    Changed(RepositoryCount),
    /// Harbor does not list it any more.
    Absent,
}

impl Changed {
    /// Asks for those of one project, or of all.
    pub(super) async fn ask(
        api: &impl Api,
        limits: Limits,
        project: Option<&str>,
        since: i64,
    ) -> Result<Self, Truncated> {
        // Harbor cuts the moment to the second.
        let second = since.div_euclid(1_000_000).saturating_mul(1_000_000);
        let (since, text) = match timestamp(since) {
            Some(text) => (second, text),
            None => (0, "1970-01-01T00:00:00".to_owned()),
        };
        let list = endpoints::changed_repositories(project, &text);
        let rows = match paging::read_all::<Repository>(api, &list, limits.of_names()).await {
            WholeList::Rows(rows, None) => rows,
            WholeList::Rows(_, Some(truncated)) => return Err(Truncated { missing: Some(0), ..truncated }),
            WholeList::TooLong(_) => return Err(overview::too_many(api, &list.path, "repositories")),
        };
        let counts = rows.iter().map(|row| RepositoryCount::new(row.project(), row));
        Ok(Self { repositories: counts.map(|count| (count.name.clone(), count)).collect(), since })
    }

    /// What became of a repository; it is unchanged where Harbor marks no changes.
    pub(super) async fn since_it_was_listed(
        api: &impl Api,
        limits: Limits,
        repository: &RepositoryCount,
    ) -> Result<State, Truncated> {
        let Some(since) = limits.changed_since else { return Ok(State::Unchanged) };
        let changed = Self::ask(api, limits, Some(&repository.name.project), since).await?;
        Ok(changed.state(repository))
    }

    /// What became of a repository of the projects that were asked for.
    pub(super) fn state(&self, repository: &RepositoryCount) -> State {
        match self.repositories.get(&repository.name) {
            Some(now) if now == repository => State::Unchanged,
            Some(now) => State::Changed(now.clone()),
            // Its own mark is of that time.
            None if repository.updated.and_then(Time::microseconds) >= Some(self.since) => State::Absent,
            None => State::Unchanged,
        }
    }
}

/// A moment as Harbor's filter takes it: UTC, without a zone.
fn timestamp(microseconds: i64) -> Option<String> {
    let time = OffsetDateTime::from_unix_timestamp(microseconds.div_euclid(1_000_000)).ok()?;
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second) = time.to_hms();
    Some(format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}", u8::from(month)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_utc_and_without_a_zone() {
        assert_eq!(timestamp(1_795_655_133_999_999).as_deref(), Some("2026-11-26T01:05:33"));
        assert_eq!(timestamp(-1).as_deref(), Some("1969-12-31T23:59:59"));
        assert_eq!(timestamp(i64::MAX), None);
    }

    #[test]
    fn changes_are_asked_for_from_ten_minutes_before_the_earlier_of_clock_and_latest_mark() {
        let overlap = OVERLAP_MICROSECONDS;
        assert_eq!(beginning(Some(overlap + 5), Some(overlap + 7)), Some(5));
        assert_eq!(beginning(Some(overlap + 9), Some(overlap + 7)), Some(7));
        assert_eq!(beginning(None, Some(overlap + 7)), Some(7));
        assert_eq!(beginning(Some(overlap + 9), None), Some(9));
        assert_eq!(beginning(None, None), None);
    }
}
