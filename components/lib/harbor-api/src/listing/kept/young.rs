//! Gives kept rows without asking Harbor, where they are young enough.

use super::record::{self, Meta, Overview};
use super::row_store::RowStore;
use super::{KeptRows, Plan, emit};
use crate::api::Api;
use crate::listing::failures::Failures;
use crate::page::Limits;
use crate::sink::Sink;
use crate::store::Store;
use image_model::types::{ListingBegin, ListingEnd, Method};
use std::time::Duration;

/// Gives all kept rows, if a listing that came to its end kept them at most so many seconds ago, and returns the end. `interval`
/// is the longest time between two whole listings.
pub(in crate::listing) async fn give<S: Store>(
    api: &impl Api,
    store: &S,
    limits: Limits,
    interval: Duration,
    max_age: u64,
    sink: &mut impl Sink,
) -> Option<ListingEnd> {
    let head = store.head().await.ok()?.filter(|head| head.age <= max_age)?;
    let meta = Meta::from_bytes(head.meta.clone())?;
    let since_whole = Duration::from_secs(meta.whole_age.saturating_add(head.age));
    if !meta.complete || meta.off.is_some() || since_whole >= interval {
        return None;
    }
    let page = store.get(vec![record::OVERVIEW_KEY.to_vec()]).await.ok()?;
    let Overview { registry, projects } = Overview::from_value(page.entries.into_iter().next()?.value)?;
    let end = ListingEnd { registry: Some(registry), projects, method: Some(Method::Kept), failures: Vec::new() };
    let revision = meta.content.unwrap_or(head.revision);
    // Before the sink hears of them: after that, these rows have to come.
    let row_store = RowStore::open(store, Some(&head)).await.ok()?;
    if row_store.count() as u64 != meta.count {
        return None;
    }
    if !sink.begin(ListingBegin { revision: Some(revision), age: head.age }).await {
        return Some(end);
    }
    let mut kept_rows = KeptRows {
        store,
        row_store: Some(row_store),
        now: meta.asked,
        meta: Meta { content: Some(revision), whole_age: since_whole.as_secs(), ..meta },
        plan: Plan::Refresh,
        was_slower: false,
        renews: false,
        streamed: Vec::new(),
    };
    let mut failures = Failures::default();
    emit(api, limits, &mut kept_rows, [].into(), &mut failures, sink).await;
    failures.end(sink, None);
    let projects = end.projects.into_iter().map(|project| {
        let complete = project.complete && failures.spare(&project.name);
        image_model::types::Project { complete, ..project }
    });
    Some(ListingEnd { projects: projects.collect(), ..end })
}
