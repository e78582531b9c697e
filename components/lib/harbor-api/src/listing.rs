//! The plan of a listing: which lists it reads, in which order it gives rows, and which rows a failure costs.
//!
//! 1. `login`: whether the login counts; `overview`: the projects, their repositories, and how many artifacts each has;
//! 2. `kept`: where rows are kept and Harbor marks changes, reads what changed, and gives the kept rows;
//! 3. `whole`: otherwise, reads all. `access_path`: what it costs to read a project by its own list, or repository by
//!    repository; `project`: reads it by the cheaper one; `repository`: the rows of each repository;
//! 4. `validation`: where Harbor marks changes, whether what was read in several pages changed meanwhile (`changed`);
//! 5. `recount`: whether what Harbor counted and did not list is gone, or missing.
//!
//! `find` asks for one artifact.

mod access_path;
mod changed;
mod endpoints;
mod failures;
mod find;
mod itself;
mod kept;
mod login;
mod named_project;
mod overview;
mod project;
mod recount;
mod repository;
mod validation;
mod whole;

pub use crate::costs::Costs;
pub use crate::sink::Sink;
pub use find::find;

use crate::api::Api;
use crate::config::Config;
use crate::memory::{MAX_BUFFERED_ROWS, MAX_LIST_BYTES};
use crate::page::Limits;
use crate::session::Session;
use crate::sink::Trimmed;
use crate::store::Store;
use access_path::AccessPaths;
use failures::Failures;
use futures::join;
use image_model::types::{self, Detail, ListingEnd, Method, Registry, WholeReason};
use kept::{KeptRows, Plan, Refreshed};
use login::Harbor;
use overview::{Project, ProjectOverview, Repository};
use std::time::Duration;
use validation::Validation;

/// Refreshes that a listing tries where other listings are quicker. After that, it reads all.
const REFRESHES: usize = 3;

/// Which listing a caller wants.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Which artifacts, and which of their fields.
    pub detail: Detail,
    /// Seconds for which kept rows are new enough. With 0, the listing asks Harbor.
    pub max_age: u64,
}

impl Request {
    /// What `GET /images` shows, as it is now.
    pub const TAGS_NOW: Self = Self { detail: Detail::Tags, max_age: 0 };
}

/// Lists the projects that the configuration names: all rows in order, and each failure once. Keeps rows in the store. The end
/// that it returns has no failures, as the sink got them.
pub async fn list(
    api: &impl Api,
    store: &impl Store,
    config: &Config,
    Request { detail, max_age }: Request,
    sink: &mut impl Sink,
) -> ListingEnd {
    let limits = Limits {
        page_size: config.page_size,
        concurrency: config.concurrency,
        buffered_rows: MAX_BUFFERED_ROWS,
        buffered_bytes: MAX_LIST_BYTES,
        believes_totals: true,
        detail,
        changed_since: None,
    };
    let interval = config.full_listing_interval;
    run(api, store, limits, interval, config.project.as_deref(), max_age, sink).await
}

/// Lists one project, or all that the user sees. Rows are kept where there is an interval between whole listings.
async fn run<S: Store>(
    api: &impl Api,
    store: &S,
    limits: Limits,
    interval: Option<Duration>,
    single: Option<&str>,
    max_age: u64,
    sink: &mut impl Sink,
) -> ListingEnd {
    let session = &Session::new(api);
    let mut sink = Trimmed { sink, tags_only: limits.detail == Detail::Tags };
    if max_age > 0 {
        let all_fields = Limits { detail: Detail::All, ..limits };
        if let Some(end) = kept::give(session, store, all_fields, interval, max_age, &mut sink).await {
            let projects = if sink.tags_only { Vec::new() } else { end.projects };
            return ListingEnd { projects, ..end };
        }
    }
    let mut failures = Failures::default();
    // The first listing waits for the login check: Harbor pauses at each request with a wrong password.
    let ahead = session.recall().login_counted;
    let ((harbor, failure), projects) = if ahead {
        let (login, projects) = join!(login::check(session), overview::projects(session, limits, single));
        (login, Some(projects))
    } else {
        (login::check(session).await, None)
    };
    failures.add(failure, &mut sink);
    failures.login_refused = harbor.as_ref().is_some_and(|harbor| harbor.login_refused);
    let named = async |told: Option<Registry>| match (interval, limits.detail) {
        (Some(_), Detail::All) => kept::with_names(store, told).await,
        (None, _) | (_, Detail::Tags) => told,
    };
    let Some(harbor) = harbor else {
        failures.end(&mut sink, None);
        return ListingEnd { registry: named(None).await, ..ListingEnd::default() };
    };
    let registry = named(harbor.registry.clone()).await;
    if let (Some(_), None, Some(Registry { version: Some(_), login_counts: true, .. })) =
        (interval, &harbor.marks_changes, &harbor.registry)
    {
        KeptRows::distrust(store).await;
    }
    let open = async || {
        let reason = match (interval, &harbor.marks_changes) {
            (Some(interval), Some(version)) => return KeptRows::open(store, version, harbor.now, interval).await,
            (None, _) => WholeReason::Off,
            (Some(_), None) => WholeReason::Unmarked,
        };
        // Whoever takes rows of some age asks again soon. What is seen without a login is not remembered.
        let version = harbor.registry.as_ref().filter(|registry| max_age > 0 && registry.login_counts);
        match version.and_then(|registry| registry.version.as_deref()) {
            Some(version) => KeptRows::open_anew(store, version, harbor.now, reason).await,
            None => Err(reason),
        }
    };
    let mut opened = open().await;
    let reads_all = matches!(opened, Err(_) | Ok(KeptRows { plan: Plan::Whole(_), .. }));
    let ((projects, failure), repositories) = match projects {
        Some(projects) => (projects, None),
        // From this version on, everybody sees all of their repositories in one list, which needs nothing from the projects.
        None if reads_all && single.is_none() && harbor.marks_changes.is_some() => {
            join!(overview::projects(session, limits, single), overview::all_repositories(session, limits))
        }
        None => (overview::projects(session, limits, single).await, None),
    };
    if let (Some(_), Ok(kept_rows)) = (&failure, &opened) {
        opened = Err(match kept_rows.plan {
            Plan::Whole(reason @ (WholeReason::Off | WholeReason::Unmarked)) => reason,
            _ => WholeReason::Distrusted,
        });
    }
    failures.add(failure, &mut sink);
    let mut rows = Rows { session, limits, failures, sink, renews: max_age > 0 };
    let method = rows.list(&harbor, &projects, repositories, single, opened, open).await;
    let listed = match limits.detail {
        Detail::Tags => Vec::new(),
        Detail::All => projects.iter().map(|project| rows.listed(project)).collect(),
    };
    ListingEnd { registry, projects: listed, method: Some(method), failures: Vec::new() }
}

/// The rows of a listing on their way.
struct Rows<'l, 's, A: Api, K> {
    session: &'l Session<'s, A>,
    limits: Limits,
    failures: Failures,
    sink: Trimmed<'l, K>,
    /// Whether the store notes when Harbor was asked, so that others need not ask.
    renews: bool,
}

impl<A: Api, K: Sink> Rows<'_, '_, A, K> {
    /// Lists all rows of these projects, in the cheapest way that `opened` allows; `open` opens what is kept again. `repositories` are
    /// those of all projects, where they were read. Returns the way.
    async fn list<'k, S: Store + 'k>(
        &mut self,
        harbor: &Harbor,
        projects: &[Project],
        repositories: Option<Vec<Repository>>,
        single: Option<&str>,
        mut opened: Result<KeptRows<'k, S>, WholeReason>,
        open: impl AsyncFn() -> Result<KeptRows<'k, S>, WholeReason>,
    ) -> Method {
        let (session, limits) = (self.session, self.limits);
        let Self { failures, sink, .. } = self;
        // Rows that are kept have all fields, as another listing may want them.
        let all_fields = Limits { detail: Detail::All, ..limits };
        let renews = self.renews;
        let describe = async |kept_rows: &mut KeptRows<'k, S>| {
            kept_rows.renews = renews;
            kept_rows.describe(harbor.registry.as_ref(), projects).await;
        };
        if let Ok(kept_rows) = &mut opened {
            describe(kept_rows).await;
        }
        let mut reason = match &opened {
            Ok(KeptRows { plan: Plan::Whole(reason), .. }) | Err(reason) => *reason,
            Ok(_) => WholeReason::Distrusted,
        };
        let mut tries = 0..REFRESHES;
        while tries.next().is_some()
            && let Ok(kept) = &mut opened
            && !matches!(kept.plan, Plan::Whole(_))
        {
            let refreshed = kept::refresh(session, all_fields, projects, single, kept, failures).await;
            if let Refreshed::Ready(parts, errors) = refreshed {
                errors.into_iter().for_each(|failure| sink.failed(failure));
                let progress = (kept.count() as u64, (kept.count() + parts.len()) as u64);
                let begin = kept.listing_begin().filter(|_| parts.is_empty());
                let wanted = match begin {
                    Some(begin) => sink.begin(begin).await,
                    None => true,
                };
                if wanted {
                    kept::emit(session, all_fields, kept, parts, failures, sink).await;
                }
                failures.end(sink, Some(progress));
                return if kept.plan == Plan::Resume { Method::Resumed } else { Method::Changes };
            }
            *failures = Failures::default();
            if !kept.was_slower {
                break;
            }
            // Another listing kept its rows meanwhile; little has changed since then.
            opened = open().await;
            if let Ok(kept_rows) = &mut opened {
                describe(kept_rows).await;
            }
            if let Ok(KeptRows { plan: Plan::Whole(again), .. }) | Err(again) = &opened {
                reason = *again;
            }
        }
        let limits = if opened.is_ok() { all_fields } else { limits };
        let mut kept_rows = opened.ok();
        let mut overviews = overview::read(session, limits, projects.to_vec(), repositories).await;
        if let Some(kept_rows) = &kept_rows {
            overviews = kept_rows.ask_the_emptied(session, limits, overviews).await;
        }
        let (newest, all) = (kept::newest(&overviews), overview::count(&overviews));
        let complete = overviews.iter().all(ProjectOverview::is_whole);
        if let Some(kept_rows) = &mut kept_rows {
            kept_rows.begin(&overviews).await;
        }
        let changed_since = harbor.marks_changes.as_ref().and_then(|_| changed::beginning(newest, harbor.now));
        let limits = Limits { changed_since, ..limits };
        let access_paths = AccessPaths::learn(session, limits, harbor, &overviews).await;
        let validation = Validation::new(session, limits, single);
        let wanted = whole::list(&validation, access_paths, overviews, &mut kept_rows, failures, sink).await;
        if let Some(kept_rows) = &mut kept_rows {
            let kept = kept_rows.count() as u64 == all;
            kept_rows.end(session, newest, complete && wanted && kept && failures.are_none()).await;
            if kept_rows.is_refused() {
                reason = WholeReason::NoStore;
            }
        }
        let progress = kept_rows.map(|kept_rows| (kept_rows.count() as u64, all));
        failures.end(sink, progress);
        Method::Whole(reason)
    }

    /// A project of the end.
    fn listed(&self, project: &Project) -> types::Project {
        // Of the one project that the operator names, nobody said whether it is a proxy cache.
        project.listed(project.is_described && self.failures.spare(&project.name))
    }
}

#[cfg(test)]
mod tests;
