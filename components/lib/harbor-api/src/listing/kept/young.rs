//! Gives what is kept without asking Harbor: rows, where they are young enough, and Harbor's names, however old.

use super::record::{self, Meta, Overview};
use super::row_store::RowStore;
use super::{KeptRows, Plan, emit};
use crate::api::Api;
use crate::listing::failures::{Failure, Failures};
use crate::page::Limits;
use crate::sink::Sink;
use crate::store::Store;
use image_model::types::{FailureCode, ListingBegin, ListingEnd, Method, Registry};
use std::time::Duration;

/// Gives all kept rows, if a listing that came to its end kept them at most so many seconds ago, and returns the end. `interval`
/// is the longest time between two whole listings; `None` where each listing is one.
pub(in crate::listing) async fn give<S: Store>(
    api: &impl Api,
    store: &S,
    limits: Limits,
    interval: Option<Duration>,
    max_age: u64,
    sink: &mut impl Sink,
) -> Option<ListingEnd> {
    let head = store.head().await.ok()?.filter(|head| head.age <= max_age)?;
    let meta = Meta::from_bytes(head.meta.clone())?;
    let since_whole = Duration::from_secs(meta.whole_age.saturating_add(head.age));
    if !meta.complete || meta.off.is_some() || interval.is_some_and(|interval| since_whole >= interval) {
        return None;
    }
    let Overview { registry, projects } = overview(store).await?;
    let end = ListingEnd { registry: Some(registry), projects, method: Some(Method::Kept), failures: Vec::new() };
    let revision = meta.content.unwrap_or(head.revision);
    // Whoever has these rows already needs nothing more, so that their keys are read only after this.
    if !sink.begin(ListingBegin { revision: Some(revision), age: head.age }).await {
        return Some(end);
    }
    let mut failures = Failures::default();
    let row_store = RowStore::open(store, Some(&head)).await.ok();
    let kept = row_store.as_ref().map_or(0, |row_store| row_store.count() as u64);
    if kept < meta.count && !are_all_there_is(store, kept).await {
        let gone = meta.count.saturating_sub(kept);
        let message = format!(
            "the kept rows of {gone} of {} repositories of Harbor are gone: the host lost them, or another listing is changing \
             them; the next listing has them",
            meta.count
        );
        failures.add(Some(Failure::anywhere(FailureCode::Other, message)), sink);
    }
    let asked = meta.asked;
    let meta = Meta { content: Some(revision), whole_age: since_whole.as_secs(), ..meta };
    let mut kept_rows = KeptRows::new(store, row_store, meta, asked, Plan::Refresh);
    emit(api, limits, &mut kept_rows, [].into(), &mut failures, sink).await;
    failures.end(sink, None);
    let projects = end.projects.into_iter().map(|project| {
        let complete = project.complete && failures.spare(&project.name);
        image_model::types::Project { complete, ..project }
    });
    Some(ListingEnd { projects: projects.collect(), ..end })
}

/// Whether the rows of so many repositories are all that there is: another listing may have found meanwhile that some were deleted
/// from Harbor, and has ended.
async fn are_all_there_is(store: &impl Store, count: u64) -> bool {
    let Ok(Some(head)) = store.head().await else { return false };
    Meta::from_bytes(head.meta).is_some_and(|meta| meta.complete && meta.count == count)
}

/// What is known of the registry at the end of a listing: `told`, with the names that it told an earlier listing where it told none now.
/// It tells them only to who is logged in, and they say whose an image is, also while it is down.
pub(in crate::listing) async fn with_names(store: &impl Store, told: Option<Registry>) -> Option<Registry> {
    if told.as_ref().is_some_and(|registry| registry.login_counts) {
        return told;
    }
    match overview(store).await {
        Some(Overview { registry: Registry { hosts, .. }, .. }) if !hosts.is_empty() => {
            let version = told.and_then(|registry| registry.version);
            Some(Registry { version, hosts, login_counts: false })
        }
        _ => told,
    }
}

async fn overview(store: &impl Store) -> Option<Overview> {
    let page = store.get(vec![record::OVERVIEW_KEY.to_vec()]).await.ok()?;
    Overview::from_value(page.entries.into_iter().next()?.value)
}
