//! The plan of a listing: which lists it reads, in which order it gives rows, and which rows a failure costs.
//!
//! 1. `login`: whether the login counts; `overview`: the projects, their repositories, and how many artifacts each has;
//! 2. `kept`: where rows are kept and Harbor marks changes, reads what changed, and gives the kept rows;
//! 3. `whole`: otherwise, reads all. `access_path`: what it costs to read a project by its own list, or repository by
//!    repository; `project`: reads it by the cheaper one; `repository`: the rows of each repository;
//! 4. `recount`: whether what Harbor counted and did not list is gone, or missing.

mod access_path;
mod endpoints;
mod failures;
mod kept;
mod login;
mod overview;
mod project;
mod recount;
mod repository;
mod whole;

pub use crate::costs::Costs;
pub use crate::sink::Sink;

use crate::api::Api;
use crate::config::Config;
use crate::memory::{MAX_BUFFERED_ROWS, MAX_LIST_BYTES};
use crate::page::Limits;
use crate::session::Session;
use crate::store::Store;
use access_path::AccessPaths;
use failures::Failures;
use futures::join;
use kept::{KeptRows, Plan, Refreshed};
use overview::ProjectOverview;
use std::time::Duration;

/// Refreshes that a listing tries where other listings are quicker. After that, it reads all.
const REFRESHES: usize = 3;

/// Lists the projects that the configuration names: all rows in order, and each failure once. Keeps rows in the store.
pub async fn list(api: &impl Api, store: &impl Store, config: &Config, sink: &mut impl Sink) {
    let limits = Limits {
        page_size: config.page_size,
        concurrency: config.concurrency,
        buffered_rows: MAX_BUFFERED_ROWS,
        buffered_bytes: MAX_LIST_BYTES,
        believes_totals: true,
    };
    run(api, store, limits, config.full_listing_interval, config.project.as_deref(), sink).await;
}

/// Lists one project, or all that the user sees. Rows are kept where there is an interval between whole listings.
async fn run<S: Store>(
    api: &impl Api,
    store: &S,
    limits: Limits,
    interval: Option<Duration>,
    single: Option<&str>,
    sink: &mut impl Sink,
) {
    let session = &Session::new(api);
    let mut failures = Failures::default();
    // The first listing waits for the login check: Harbor pauses at each request with a wrong password.
    let ahead = session.recall().login_counted;
    let ((harbor, failure), projects) = if ahead {
        let (login, projects) = join!(login::check(session), overview::projects(session, limits, single));
        (login, Some(projects))
    } else {
        (login::check(session).await, None)
    };
    failures.add(failure, sink);
    let Some(harbor) = harbor else { return failures.end(sink, None) };
    let (projects, failure) = match projects {
        Some(projects) => projects,
        None => overview::projects(session, limits, single).await,
    };
    let all_projects = failure.is_none();
    failures.add(failure, sink);
    let open = async || match (&harbor.marks_changes, interval) {
        (Some(version), Some(interval)) if all_projects => KeptRows::open(store, version, harbor.now, interval).await,
        _ => None,
    };
    let mut kept_rows = open().await;
    let mut tries = 0..REFRESHES;
    while tries.next().is_some()
        && let Some(kept) = &mut kept_rows
        && kept.plan != Plan::Whole
    {
        let refreshed = kept::refresh(session, limits, &projects, single, kept, &mut failures).await;
        if let Refreshed::Ready(parts, errors) = refreshed {
            errors.into_iter().for_each(|error| sink.failed(error));
            let progress = (kept.count() as u64, (kept.count() + parts.len()) as u64);
            kept::emit(session, limits, kept, parts, &mut failures, sink).await;
            return failures.end(sink, Some(progress));
        }
        failures = Failures::default();
        if !kept.was_slower {
            break;
        }
        // Another listing kept its rows meanwhile; little has changed since then.
        kept_rows = open().await;
    }
    let overviews = overview::read(session, limits, projects).await;
    let (newest, all) = (kept::newest(&overviews), overview::count(&overviews));
    let complete = overviews.iter().all(ProjectOverview::is_whole);
    if let Some(kept_rows) = &mut kept_rows {
        kept_rows.begin(&overviews).await;
    }
    let access_paths = AccessPaths::learn(session, limits, &harbor, &overviews).await;
    let wanted = whole::list(session, limits, access_paths, overviews, &mut kept_rows, &mut failures, sink).await;
    if let Some(kept_rows) = &mut kept_rows {
        let kept = kept_rows.count() as u64 == all;
        kept_rows.end(session, newest, complete && wanted && kept && failures.are_none()).await;
    }
    let progress = kept_rows.map(|kept_rows| (kept_rows.count() as u64, all));
    failures.end(sink, progress);
}

#[cfg(test)]
mod tests;
