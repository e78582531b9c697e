//! How nodes and registry compare. An instance keeps its last comparison: while nothing changed, a query costs neither a
//! listing nor a comparison.

#![forbid(unsafe_code)]

use crate::bindings::image_service::inventory::{node_images, registry_images, settings};
use crate::entity_tags::EntityTags;
use image_model::protocol::{CONTAINERD, HARBOR};
use image_model::types::{Detail, FailureCode, ListingBegin, ListingPart, Method, NodeListing};
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::time::{Duration, Instant};
use verdicts::{Builder, Config, Inventory, Outdated};

/// Most artifacts that the registry is asked for one by one, where its listing left something open.
const MAX_QUESTIONS: usize = 64;
/// Seconds for which kept rows are new enough, where the operator does not say.
const DEFAULT_MAX_AGE: u64 = 5;

/// What is compared, and with what it was compared.
pub(crate) struct Picture {
    pub(crate) inventory: Inventory,
    /// Of answers about it.
    pub(crate) tags: EntityTags,
    nodes: NodeListing,
    /// The revision of the registry's rows; `None` where the source can't tell.
    revision: Option<u64>,
    made: Instant,
}

/// The operator's settings for comparing.
struct Settings {
    config: Config,
    max_age: u64,
}

thread_local! {
    static LAST: RefCell<Option<Rc<Picture>>> = const { RefCell::new(None) };
    /// Read once in each instance.
    static SETTINGS: RefCell<Option<Rc<Settings>>> = const { RefCell::new(None) };
}

/// How nodes and registry compare now, and the sources that were asked for it.
pub(crate) async fn now() -> (Rc<Picture>, &'static [&'static str]) {
    let nodes = node_images::images().await;
    let settings = settings_of_instance();
    let last = LAST.with_borrow(Clone::clone).filter(|picture| picture.nodes == nodes);
    if let Some(picture) = &last {
        let age = picture.made.elapsed();
        if picture.revision.is_none() && age < Duration::from_secs(settings.max_age) {
            picture.inventory.renew(ListingBegin { revision: None, age: age.as_secs() });
            return (Rc::clone(picture), &[CONTAINERD]);
        }
    }
    let request = registry_images::Request { detail: Detail::All, max_age: settings.max_age };
    let listing = registry_images::images(request);
    let mut builder = Builder::new(settings.config.clone());
    let mut begin = ListingBegin::default();
    let mut end = loop {
        match listing.next() {
            ListingPart::Begin(began) => {
                begin = began;
                let is_same = |picture: &&Rc<Picture>| began.revision.is_some() && picture.revision == began.revision;
                if let Some(picture) = last.as_ref().filter(is_same) {
                    picture.inventory.renew(began);
                    return (Rc::clone(picture), &[CONTAINERD]);
                }
            }
            ListingPart::Rows(repositories) => builder.push(repositories),
            ListingPart::End(end) => break end,
        }
    };
    let is_kept = end.method == Some(Method::Kept);
    let is_off = end.failures.iter().any(|failure| failure.code == FailureCode::NotConfigured);
    // To want no registry is no error.
    end.failures.retain(|failure| failure.code != FailureCode::NotConfigured);
    // Rows that may be missing are not those of the number.
    let revision = begin.revision.filter(|_| end.failures.is_empty());
    let mut inventory = builder.finish(nodes.clone(), begin, end);
    ask(&mut inventory);
    let picture = Rc::new(Picture { inventory, tags: EntityTags::default(), nodes, revision, made: Instant::now() });
    LAST.set(Some(Rc::clone(&picture)));
    (picture, if is_kept || is_off { &[CONTAINERD] } else { &[CONTAINERD, HARBOR] })
}

/// Asks the registry for what its listing left open.
fn ask(inventory: &mut Inventory) {
    let mut asked = HashSet::new();
    while asked.len() < MAX_QUESTIONS {
        let questions = inventory.open_questions(MAX_QUESTIONS - asked.len(), &asked);
        if questions.is_empty() {
            return;
        }
        let answer = |question: verdicts::Question| {
            let answer = registry_images::find(&question.project, &question.repository, &question.reference);
            (question, answer)
        };
        let answers: Vec<_> = questions.into_iter().map(answer).collect();
        // A registry that fails would fail again.
        let all_failed = answers.iter().all(|(_, answer)| answer.is_err());
        inventory.answer(answers, &mut asked);
        if all_failed {
            return;
        }
    }
}

fn settings_of_instance() -> Rc<Settings> {
    if let Some(settings) = SETTINGS.with_borrow(Clone::clone) {
        return settings;
    }
    let get = |key: &str| settings::get(key).filter(|value| !value.is_empty());
    let items = |key: &str| -> Vec<String> {
        let text = get(key).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    };
    let mirror = |item: String| item.split_once('=').map(|(host, project)| (host.to_owned(), project.to_owned()));
    let config = Config {
        url: get("harbor-url"),
        anonymous: get("harbor-auth").is_some_and(|auth| auth == "anonymous"),
        registry_hosts: items("registry-hosts"),
        mirrors: items("mirrors").into_iter().filter_map(mirror).collect(),
        outdated: get("outdated").and_then(|text| Outdated::of_text(&text)).unwrap_or_default(),
    };
    let max_age = get("query-max-age").and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_MAX_AGE);
    let settings = Rc::new(Settings { config, max_age });
    SETTINGS.set(Some(Rc::clone(&settings)));
    settings
}
