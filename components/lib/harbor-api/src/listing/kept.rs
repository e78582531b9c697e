//! Rows that outlive a listing: kept by repository in the store, so that a later listing reads what changed.
//!
//! Harbor 2.16 and later marks a repository at each change (`update_time`). A refresh asks which marks changed, reads those
//! repositories again, and compares how many repositories each project has with those that are kept. Whatever does not add up
//! leads to a whole listing, and each whole listing is compared with what is kept: one change without a mark, and nothing is
//! kept any more.
//!
//! - `record`: keys, versions and values;
//! - `row_store`: what the store holds, and changes to it;
//! - `refresh`: reads what changed;
//! - `emit`: gives the kept rows, in order;
//! - `young`: gives kept rows without asking Harbor.

mod emit;
mod record;
mod refresh;
mod row_store;
mod young;

pub(super) use emit::emit;
pub(super) use refresh::{Refreshed, refresh};
pub(super) use young::{give, with_names};

use super::changed;
use super::itself;
use super::overview::{self, Project, ProjectOverview, RepositoryCount};
use super::repository::ReadRepository;
use crate::api::Api;
use crate::page::Limits;
use crate::repository_name::RepositoryName;
use crate::store::{Changes, Store, StoreError};
use crate::version;
use image_model::types::{Artifact, ListingBegin, Registry, WholeReason};
use record::{Meta, Overview};
use row_store::RowStore;
use std::collections::BTreeSet;
use std::time::Duration;

/// Most rows of one repository that are kept. They are in memory before they are in the store.
const MAX_ROWS: usize = 100_000;
/// How long nothing is kept after something did not add up.
const TIME_OFF: Duration = Duration::from_secs(24 * 3600);
/// Most by which Harbor's clock may go slower than ours without having been set back. Less than the overlap of refreshes.
const CLOCKS_DIFFER_MICROSECONDS: i64 = 300 * 1_000_000;
/// Repositories with changes that Harbor did not mark, of which the listing looks at so many again.
const LOOKED_AT_AGAIN: usize = 3;

/// What the kept rows allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Reads what changed.
    Refresh,
    /// Goes on where a listing that did not come to its end left off.
    Resume,
    /// Reads all, for this reason.
    Whole(WholeReason),
}

/// The rows that are kept, as long as the store takes them.
pub(super) struct KeptRows<'s, S> {
    store: &'s S,
    /// `None` once the store refused something.
    row_store: Option<RowStore<'s, S>>,
    meta: Meta,
    /// What Harbor's clock showed at the beginning of this listing, in microseconds.
    now: Option<i64>,
    pub(super) plan: Plan,
    /// Whether the store refused a commit because another listing was quicker.
    pub(super) was_slower: bool,
    /// Whether the store notes that Harbor was asked, even where nothing changed.
    pub(super) renews: bool,
    /// Rows of the long repository that is being streamed.
    streamed: Vec<Artifact>,
}

impl<'s, S: Store> KeptRows<'s, S> {
    fn new(store: &'s S, row_store: Option<RowStore<'s, S>>, meta: Meta, now: Option<i64>, plan: Plan) -> Self {
        Self { store, row_store, meta, now, plan, was_slower: false, renews: false, streamed: Vec::new() }
    }

    /// What is kept of a Harbor of this version, whose clock shows `now`; otherwise why nothing can be kept. `interval` is the
    /// longest time between two whole listings.
    pub(super) async fn open(
        store: &'s S,
        harbor: &str,
        now: Option<i64>,
        interval: Duration,
    ) -> Result<Self, WholeReason> {
        let opened = async {
            let head = store.head().await?;
            let mut row_store = RowStore::open(store, head.as_ref()).await?;
            let meta = head.as_ref().and_then(|head| Meta::from_bytes(head.meta.clone()));
            let meta = meta.filter(|meta| meta.harbor == harbor);
            let age = head.as_ref().map_or(0, |head| head.age);
            let (meta, plan) = match meta {
                None => {
                    row_store.distrust();
                    (Meta::new(harbor), Some(Plan::Whole(WholeReason::First)))
                }
                Some(meta) => {
                    let content = meta.content.or(head.as_ref().map(|head| head.revision));
                    let mut meta = Meta { whole_age: meta.whole_age.saturating_add(age), content, ..meta };
                    // The store may have lost some. Counts could not tell, where as many were deleted from Harbor.
                    meta.complete &= meta.count == row_store.count() as u64;
                    let since_whole = Duration::from_secs(meta.whole_age);
                    // A tenth sooner or later, so that many nodes do not all list at the same time.
                    let revision = head.map_or(0, |head| head.revision);
                    let percent = 90 + revision.wrapping_mul(8) % 21;
                    let interval = Duration::from_secs(interval.as_secs().saturating_mul(percent) / 100);
                    meta.off = meta.off.filter(|_| since_whole < TIME_OFF);
                    let plan = match (meta.off.is_some(), meta.complete) {
                        (true, _) => None,
                        (false, _) if since_whole >= interval => Some(Plan::Whole(WholeReason::Due)),
                        (false, _) if went_back(meta.asked, age, now) => Some(Plan::Whole(WholeReason::Distrusted)),
                        (false, true) => Some(Plan::Refresh),
                        (false, false) if row_store.count() > 0 => Some(Plan::Resume),
                        (false, false) => Some(Plan::Whole(WholeReason::First)),
                    };
                    (meta, plan)
                }
            };
            Ok::<_, StoreError>(plan.map(|plan| (row_store, meta, plan)))
        };
        match opened.await {
            Ok(opened) => {
                let (row_store, meta, plan) = opened.ok_or(WholeReason::Distrusted)?;
                Ok(Self::new(store, Some(row_store), meta, now, plan))
            }
            Err(error) => {
                warn_unkept(store, &error);
                Err(WholeReason::NoStore)
            }
        }
    }

    /// Has the next listing of a Harbor that marks changes read all, where rows are kept of one: a Harbor that does not mark them
    /// answers now, and what changes meanwhile keeps its mark.
    pub(super) async fn distrust(store: &S) {
        let Ok(Some(head)) = store.head().await else { return };
        let marks_changes = |meta: &Meta| meta.complete && version::marks_changes(&meta.harbor);
        if Meta::from_bytes(head.meta).is_some_and(|meta| marks_changes(&meta)) {
            let changes = Changes { meta: Some(Meta::new("").to_bytes()), ..Changes::default() };
            // Where another listing is quicker, it saw what this one sees, or the next one does.
            let _ = store.commit(Some(head.revision), changes).await;
        }
    }

    /// For rows that no refresh can bring up to date: this listing reads all of them, for this `reason`, and they serve those who
    /// take their age.
    pub(super) async fn open_anew(
        store: &'s S,
        harbor: &str,
        now: Option<i64>,
        reason: WholeReason,
    ) -> Result<Self, WholeReason> {
        let opened = async {
            let head = store.head().await?;
            let mut row_store = RowStore::open(store, head.as_ref()).await?;
            row_store.distrust();
            Ok::<_, StoreError>(row_store)
        };
        let row_store = opened.await.map_err(|error| {
            warn_unkept(store, &error);
            reason
        })?;
        Ok(Self::new(store, Some(row_store), Meta::new(harbor), now, Plan::Whole(reason)))
    }

    /// Keeps what the end of the listing tells besides rows. Where only the name of a project is known, what is kept may say
    /// more.
    pub(super) async fn describe(&mut self, registry: Option<&Registry>, projects: &[Project]) {
        let (Some(registry), Some(row_store)) = (registry, &mut self.row_store) else { return };
        if projects.iter().all(|project| project.is_described) {
            let projects = projects.iter().map(|project| project.listed(true)).collect();
            let described = row_store.describe(&Overview { registry: registry.clone(), projects }).await;
            self.settle(described);
        }
    }

    /// What is known before the first row, where all rows are kept.
    pub(super) fn listing_begin(&self) -> Option<ListingBegin> {
        let row_store = self.row_store.as_ref().filter(|_| self.meta.complete)?;
        Some(ListingBegin { revision: self.meta.content.or(row_store.revision()), age: 0 })
    }

    /// Where Harbor marks changes: a moment that no mark is older than of what changes from now on.
    fn changed_since(&self) -> Option<i64> {
        let Meta { harbor, newest, .. } = &self.meta;
        version::marks_changes(harbor).then(|| changed::beginning(*newest, self.now)).flatten()
    }

    /// The overviews, after each project that Harbor counts as empty, and of which rows are kept, was asked for its repositories.
    pub(super) async fn ask_the_emptied(
        &self,
        api: &impl Api,
        limits: Limits,
        overviews: Vec<ProjectOverview>,
    ) -> Vec<ProjectOverview> {
        let Some(row_store) = &self.row_store else { return overviews };
        let kept: BTreeSet<&str> = row_store.names().map(|name| name.project.as_str()).collect();
        let mut asked = Vec::with_capacity(overviews.len());
        for overview in overviews {
            asked.push(match overview.is_counted_empty() && kept.contains(overview.name.as_str()) {
                true => overview::project(api, limits, overview).await,
                false => overview,
            });
        }
        asked
    }

    /// Begins a whole listing: what the store holds counts as incomplete until it ends.
    pub(super) async fn begin(&mut self, overviews: &[ProjectOverview]) {
        let (off, content) = (self.meta.off.take(), self.meta.content);
        self.meta = Meta { off, content, ..Meta::new(&self.meta.harbor) };
        let Some(row_store) = &mut self.row_store else { return };
        let listed: BTreeSet<&RepositoryName> = repositories(overviews).map(|repository| &repository.name).collect();
        let gone: Vec<RepositoryName> = row_store.names().filter(|name| !listed.contains(name)).cloned().collect();
        let forgotten = async {
            if overviews.iter().all(ProjectOverview::is_whole) {
                for name in &gone {
                    row_store.forget(name).await?;
                }
            }
            Ok(())
        };
        let forgotten = forgotten.await;
        self.settle(forgotten);
        self.finish().await;
    }

    /// Keeps repositories that were read.
    pub(super) async fn keep(&mut self, read: &[ReadRepository]) {
        let Some(row_store) = &mut self.row_store else { return };
        for ReadRepository { repository, artifacts, .. } in read {
            if let Err(error) = row_store.keep(repository, artifacts).await {
                return self.settle(Err(error));
            }
        }
    }

    /// Forgets a repository that could not be read whole.
    pub(super) async fn forget(&mut self, name: &RepositoryName) {
        let Some(row_store) = &mut self.row_store else { return };
        let forgotten = row_store.forget(name).await;
        self.settle(forgotten);
    }

    /// Takes rows of a repository that is streamed.
    pub(super) fn take(&mut self, artifacts: &[Artifact]) {
        if self.row_store.is_some() && self.streamed.len() <= MAX_ROWS {
            self.streamed.extend_from_slice(artifacts);
        }
    }

    /// Drops the rows of a repository that was not streamed to its end.
    pub(super) fn drop_stream(&mut self) {
        self.streamed = Vec::new();
    }

    /// The kept rows of a repository, if they are those of the repository as Harbor describes it now.
    pub(super) async fn rows_of(&self, repository: &RepositoryCount) -> Option<Vec<Artifact>> {
        self.row_store.as_ref()?.rows_of(repository).await
    }

    /// Keeps the rows of the repository that was streamed, if they are whole, and returns them.
    pub(super) async fn end_stream(&mut self, repository: &RepositoryCount, whole: bool) -> Vec<Artifact> {
        let artifacts = std::mem::take(&mut self.streamed);
        let Some(row_store) = &mut self.row_store else { return artifacts };
        if artifacts.len() > MAX_ROWS {
            let name = repository.name.full_name();
            self.meta.off = Some(format!("{name} has more than {MAX_ROWS} rows, which is the most that is kept"));
            return artifacts;
        }
        let kept = match whole {
            true => row_store.keep(repository, &artifacts).await,
            false => row_store.forget(&repository.name).await,
        };
        self.settle(kept);
        artifacts
    }

    /// Ends a whole listing. `newest` is the latest mark of all; `whole` says that all repositories were read.
    pub(super) async fn end(&mut self, api: &impl Api, newest: Option<i64>, whole: bool) {
        let Some(row_store) = &mut self.row_store else { return };
        for name in row_store.unexplained().iter().take(LOOKED_AT_AGAIN) {
            if !is_changed(api, name, row_store).await {
                let name = name.full_name();
                self.meta.off = Some(format!("the rows of {name} changed, and Harbor did not mark it"));
            }
        }
        if let Some(off) = &self.meta.off {
            self.store.warn(&format!("rows of Harbor are not kept, and each listing reads all of them: {off}"));
        }
        (self.meta.newest, self.meta.complete) = (newest, whole);
        self.finish().await;
    }

    /// Commits what was changed. Returns whether the store took it.
    async fn finish(&mut self) -> bool {
        let finished = self.commit().await;
        self.settle(finished);
        self.row_store.is_some()
    }

    /// Commits that Harbor was asked, where nothing changed. Returns whether the kept rows are still those that were compared with it:
    /// where the store refuses this for want of room, they are, and the next listing asks again.
    async fn renew(&mut self) -> bool {
        match self.commit().await {
            Err(StoreError::Conflict) => {
                self.settle(Err(StoreError::Conflict));
                false
            }
            Ok(()) | Err(StoreError::Unavailable | StoreError::Failed(_)) => self.row_store.is_some(),
        }
    }

    async fn commit(&mut self) -> Result<(), StoreError> {
        let Some(row_store) = &mut self.row_store else { return Ok(()) };
        (self.meta.count, self.meta.asked) = (row_store.count() as u64, self.now);
        self.meta.content = self.meta.content.filter(|_| !row_store.is_changed());
        row_store.finish(&self.meta).await
    }

    /// Whether the rows of a repository are kept.
    fn knows(&self, name: &RepositoryName) -> bool {
        self.row_store.as_ref().is_some_and(|row_store| row_store.knows(name))
    }

    /// Whether the store takes no rows.
    pub(super) fn is_refused(&self) -> bool {
        self.row_store.is_none() && !self.was_slower
    }

    /// How many repositories are kept.
    pub(super) fn count(&self) -> usize {
        self.row_store.as_ref().map_or(0, RowStore::count)
    }

    /// Stops keeping rows where the store refused something.
    fn settle(&mut self, outcome: Result<(), StoreError>) {
        if let Err(error) = outcome {
            warn_unkept(self.store, &error);
            self.was_slower = error == StoreError::Conflict;
            self.row_store = None;
        }
    }
}

/// Whether Harbor's clock was set back since it showed `asked`, `age` seconds ago: what changes then may have a mark from before
/// the latest one.
fn went_back(asked: Option<i64>, age: u64, now: Option<i64>) -> bool {
    let age = i64::try_from(age).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    asked
        .zip(now)
        .is_some_and(|(asked, now)| now < asked.saturating_add(age).saturating_sub(CLOCKS_DIFFER_MICROSECONDS))
}

/// Tells the operator why nothing is kept. Of a conflict there is nothing to tell, as another listing keeps the same rows; nor of
/// a platform without a store.
fn warn_unkept(store: &impl Store, error: &StoreError) {
    if let StoreError::Failed(why) = error {
        store.warn(&format!("rows of Harbor are not kept, and each listing reads all of them: {why}"));
    }
}

/// Whether a repository changed since Harbor listed it.
async fn is_changed<S: Store>(api: &impl Api, name: &RepositoryName, row_store: &RowStore<'_, S>) -> bool {
    match itself::ask(api, name).await {
        Ok(Some(repository)) => !row_store.has(&repository),
        // Nothing is proved.
        Ok(None) | Err(_) => true,
    }
}

fn repositories(overviews: &[ProjectOverview]) -> impl Iterator<Item = &RepositoryCount> {
    overviews.iter().filter_map(|overview| overview.repositories.as_deref()).flatten()
}

/// The latest mark of all repositories.
pub(super) fn newest(overviews: &[ProjectOverview]) -> Option<i64> {
    latest(repositories(overviews))
}

fn latest<'a>(repositories: impl Iterator<Item = &'a RepositoryCount>) -> Option<i64> {
    repositories.filter_map(|repository| repository.updated?.microseconds()).max()
}
